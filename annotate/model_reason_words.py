"""Sentences about models that a worker loads, or cannot load, stored in English with places for what varies.

They belong to `annotate.reason_words`, which says how they are found and told.
"""

from django.utils.translation import gettext_noop as _

MODEL_SENTENCES: tuple[str, ...] = (
    # candidates of a model in the worker
    _(
        'The engine "%(name)s" needs %(names)s, which this installation lacks. Install what it needs with '
        "`pip install '.[gpu]'`, or run the model behind an OpenAI-compatible server and use the engine \"%(other)s\" with "
        "its address."
    ),
    _("The generator's sampling sets %(name)s to %(value)s; it must be from %(low)s to %(high)s."),
    _("The generator's sampling sets stop to something else than at most %(most)s texts."),
    _('There is no prompt format "%(name)s". Use one of %(names)s.'),
    _(
        "The model %(name)s has no chat template, so the generator must name a prompt format. By the model's name, "
        '"%(other)s" fits it.'
    ),
    _(
        "The last turn alone is %(length)s tokens long. The model reads %(most)s at most, of which %(number)s are kept for "
        "its answer. Lower max_tokens, or take a model that reads more."
    ),
    _("The prompt could not be written for this model (%(error)s)."),
    _("The model computed probabilities that are no numbers. Try another dtype, such as bfloat16 or float32."),
    _(
        "The model did not finish its answer within %(seconds)s seconds. Lower max_tokens, or raise the generator's time "
        "limit."
    ),
    _("The model failed at this request (%(error)s). The worker's log says more."),
    _("The model gave nothing for this request."),
    _("What the model wrote could not be read (%(error)s)."),
    _(
        "This request alone does not fit in the memory of the device. Lower max_tokens, load the model in a smaller dtype "
        "or quantized, or use a larger device."
    ),
    _(
        "torch and transformers are not installed here (%(error)s). Install them: `make venv-gpu`, or `pip install "
        ".[gpu]`."
    ),
    # its files
    _("No model was named. Give the name of a model on the hub, or a folder that holds one."),
    _("There is no folder %(name)s on this machine."),
    _("%(name)s is an adapter, not a model. Merge it into its base model, save that, and name its folder."),
    _(
        "%(name)s holds GGUF files, which llama.cpp and Ollama read. Run it there, and add it as an OpenAI-compatible "
        "server; or name the model that they were made from."
    ),
    _("%(name)s has no config.json, so it is no model that can be loaded, or it was not copied whole."),
    _("The config.json of %(name)s cannot be read: %(error)s"),
    _("The config.json of %(name)s does not say what kind of model it is (model_type)."),
    _(
        "%(name)s brings code of its own, which would run on this machine, and this was not allowed. If you trust its "
        "makers, say so where the generator's loading is set (trust_remote_code); or take a model that needs none."
    ),
    _(
        "%(name)s is no causal language model: its config.json says %(names)s. Take a model that continues text (its class "
        "ends in ForCausalLM or LMHeadModel)."
    ),
    _(
        'This installation does not know models of the type "%(type)s", which %(name)s is. A newer transformers may; or run '
        "the model behind an OpenAI-compatible server."
    ),
    _(
        "The folder of %(name)s holds no tokenizer (tokenizer.json, tokenizer.model, or vocab.json with merges.txt). Save "
        "the model's tokenizer beside it."
    ),
    _("%(name)s of the model cannot be read (%(error)s): copy it again."),
    _("%(name)s of the model names files outside of its folder."),
    _(
        "The weights of %(name)s are there as %(other)s alone, a format that can run code of whoever made it. Only "
        "safetensors are loaded: save the model again with save_pretrained, where you trust it."
    ),
    _("The weights of %(name)s are missing: there is neither %(one)s nor %(other)s."),
    _(
        "%(number)s of the %(most)s files of weights of %(name)s are missing, among them %(other)s. Copy or download it "
        "again."
    ),
    _("The weights of %(name)s are damaged: %(rest)s Copy or download them again."),
    _("%(name)s is not a safetensors file."),
    _("%(name)s cannot be read as a safetensors file."),
    _("%(name)s has %(number)s bytes, and its header promises %(most)s: it was not copied whole."),
    # the hub
    _(
        "The makers of %(name)s want its terms accepted first: do that on its page on the hub, and start the worker with "
        "HF_TOKEN of that account."
    ),
    _("The model %(name)s has no revision %(revision)s on the hub."),
    _(
        "There is no model %(name)s on the hub that this worker may read. Look at its name; a private one needs HF_TOKEN. "
        "For a folder give its whole path."
    ),
    _(
        "The model %(name)s has no weights as safetensors on the hub, and other formats are not loaded: they can run code "
        "of whoever made them."
    ),
    _("The disk is full, so %(name)s could not be brought from the hub."),
    _(
        "The model %(name)s is not (or not whole) on this machine, and the hub cannot be reached (%(error)s). Download it "
        "where there is a network, and give its folder."
    ),
    # how it is to be loaded, and onto what
    _('There is no dtype "%(name)s" to load with: take one of %(names)s.'),
    _('There is no attention "%(name)s": take one of %(names)s, or none.'),
    _(
        'The attention "%(name)s" needs a CUDA device and the package %(package)s, which this worker does not have. Take '
        '"sdpa", or leave it to transformers.'
    ),
    _('There is no quantization "%(name)s" while loading: take one of %(names)s, or none.'),
    _(
        'The quantization "%(name)s" needs the package %(package)s, which is not installed: `pip install %(other)s`, or '
        "load the model without it."
    ),
    _('The quantization "%(name)s" needs a CUDA device, and this worker sees none.'),
    _(
        '%(name)s was saved quantized already (%(method)s), so it cannot be loaded as "%(other)s": leave the quantization '
        "empty."
    ),
    _('There is no device "%(name)s" for this worker: there is %(names)s. "auto" takes the best.'),
    _(
        "%(name)s does not fit: loaded with %(how)s it needs about %(size)s (%(weights)s of them weights), and %(where)s. "
        "Load it in a smaller dtype or quantized, or take a smaller model or a larger device."
    ),
    # what the libraries say of it
    _("The tokenizer of %(name)s cannot be loaded: %(error)s"),
    _(
        "The weights of %(name)s are not those of a %(type)s, as its config.json says: %(number)s tensors are missing, "
        "among them %(other)s."
    ),
    _("%(name)s cannot be loaded: %(error)s"),
    _(
        "%(name)s did not fit in the memory as it was loaded: %(error)s Other programs may use it. Load it in a smaller dtype or "
        "quantized, or take a smaller model or a larger device."
    ),
    _(
        "The device failed as %(name)s was loaded: %(error)s Look at the device and its driver, then start the worker again."
    ),
    # its template
    _("The model has no chat template."),
    _("The model's chat template does not take this thread: %(error)s"),
    # what makes vectors of texts
    _(
        "The site has no generator “%(name)s” on a server, whose address this embedder would ask. Administrators make them; "
        "or take another embedder."
    ),
    _("The embedder did not give one vector for each text, all of one length."),
    _("The embedder gave vectors with places that are no numbers."),
    _("The server of the embedder cannot be reached: %(error)s"),
    _("The server of the embedder refused the request (%(status)s)."),
    _("The answer of the embedder's server is larger than %(most)s bytes."),
    _("The server of the embedder gave an answer that holds no vectors."),
    _("The server of the embedder did not give one vector for each text."),
    _(
        "An encoder needs the packages torch and transformers, which are not installed where the workers run: install the "
        "extra “gpu” there, or take another embedder."
    ),
    _(
        "No encoder works by the name %(name)s. Look whether it is written right, or take another embedder; whoever runs the site "
        "finds the cause on this page and in the workers’ log."
    ),
    _(
        "The weights of the encoder %(name)s have %(number)s MiB; workers bring at most %(most)s. Take a smaller one, or serve "
        "it and name the server."
    ),
)
