"""Engines that answer prompts: jobs in, results out, clock and dice passed in.

`engines.find_engine` gives the callable of an engine; `openai_client` speaks to any server with
OpenAI's chat completions over HTTP.
"""
