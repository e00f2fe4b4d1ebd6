// A row of links that is wider than the screen shows the one of this page.
for (const nav of document.querySelectorAll('.subnav, .tabs-of')) {
  const here = nav.querySelector('[aria-current]');
  if (here && nav.scrollWidth > nav.clientWidth) nav.scrollLeft += here.getBoundingClientRect().left - nav.getBoundingClientRect().left - (nav.clientWidth - here.offsetWidth) / 2;
}
