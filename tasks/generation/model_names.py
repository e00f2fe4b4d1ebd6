"""Words of models' names that say nothing of the model: accounts, routes, files. Lists, to be added to."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Accounts that make models: their name says nothing that the model's does not.
MAKERS = _words(
    """01-ai allenai ai21labs ai2 baichuan-inc bigscience bigcode cerebras codellama cohere cohereforai coherelabs
    databricks deepseek deepseek-ai eleutherai facebook google huggingfaceh4 huggingfacetb ibm ibm-granite ibm-research
    inceptionai internlm lgai-exaone lmsys meta meta-llama microsoft minimaxai mistral mistralai moonshotai mosaicml
    nousresearch nvidia openai openai-community openassistant openbmb openchat primeintellect qwen rwkv salesforce
    speakleash stabilityai stanford-crfm swiss-ai thudm tiiuae tinyllama togethercomputer upstage utter-project
    xai-org xverse zai-org zhipuai"""
)
#: Accounts that store others' models in other ways and train none.
PACKAGERS = _words(
    """bartowski casperhansen city96 ctransformers duyntnet gaianet ggml-org ggerganov hugging-quants iamlemec intel
    library lmstudio-ai lmstudio-community lonestriker mlc-ai mlx-community mradermacher neuralmagic onnx-community ollama
    openvino pytorch qgallouedec quantfactory quanttrio redhatai richarderkhov second-state solidrust techxgenus thebloke
    thireus tensorblock turboderp unsloth"""
)
ROUTES = _words(
    """auto beta cheapest exacto extended fastest floor free nitro online preferred preview-only
    black-forest-labs cerebras cohere fal-ai featherless-ai fireworks fireworks-ai groq hf-inference hyperbolic nebius novita
    nscale openrouter ovhcloud publicai replicate sambanova scaleway together together-ai"""
)
#: Words of a file or a way to store, which say nothing of the model.
PACKAGING = _words("gguf ggml safetensors hf transformers mlx onnx openvino imat imatrix i1 ud latest unsloth")
