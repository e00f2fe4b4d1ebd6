"""Markdown as its readers see it, and never a way to run a script. Start at `render`.

A text that anybody wrote goes through five steps, each of which would hold alone:

1. `unseen` takes out what no page may hold, and shows characters that hide.
2. `grammar` parses GFM and maths without raw HTML, and counts its work.
3. `writer` writes tags of ours around escaped text; `links` and `code` write theirs.
4. `sanitise` passes the result through nh3 with the narrowest allow-list.
5. `maths` puts in MathML that was checked element by element.

What is too long, too deep or too costly is shown as plain paragraphs: no reader waits, nothing is lost.
"""
