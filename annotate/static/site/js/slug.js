// The address of a new campaign follows its title until somebody writes one.
const bind = () => {
  const title = document.querySelector('input[name=title]');
  const slug = document.querySelector('input[name=slug]');
  if (!title || !slug || slug.value) return;
  let isOurs = true;
  slug.addEventListener('input', () => { isOurs = slug.value === ''; });
  title.addEventListener('input', () => {
    if (isOurs) slug.value = title.value.normalize('NFKD').toLowerCase().replace(/[^a-z0-9\s-]/g, '').trim().replace(/[\s-]+/g, '-').slice(0, 64).replace(/^-+|-+$/g, '');
  });
};
bind();
