"""Sentences that are stored in English, with places for what varies: why an import, a release or a request came to nothing.

Workers write them, and know no language but this one; `annotate.reasons` tells them in the reader's. Each sentence
here is one that `tasks` or a service writes, word for word: a test holds the two together.
"""

from django.utils.translation import gettext_noop as _

from annotate.model_reason_words import MODEL_SENTENCES

#: Whole sentences.
SENTENCES: tuple[str, ...] = (
    # messages that are hidden by themselves
    _("Hidden by itself: reported by %(number)s people. A moderator will look at it."),
    _("Hidden by itself: skipped by %(number)s people. A moderator will look at it."),
    # texts and languages, wherever they come from
    _("The text has %(length)s characters; at most %(most)s are taken. Shorten it."),
    _("The text is blank. Write something that can be read, or leave it out."),
    _("The text stacks more than %(most)s accents on one character. Remove them."),
    _("The text holds a NUL character at position %(number)s. Remove it."),
    _(
        "The text holds half of a character (a lone surrogate) at position %(number)s. It was cut or decoded wrongly; "
        "send the whole character."
    ),
    _('"%(code)s" is not a language code. Write one such as "en", "de" or "pt-BR".'),
    # an import as a whole
    _("The command that ran this import was stopped. Run it again: it goes on where it stopped."),
    _(
        "Each worker that ran this import died at the same place. What was imported before it stands; look at the records "
        "that follow, and import the rest as a new file."
    ),
    _("%(bad)s of %(read)s records cannot be used, so nothing was imported."),
    _("There are no records in this file. Send one with at least one prompt."),
    _("None of the %(read)s records can be used, so nothing was imported. Mend them by the reasons listed."),
    _(
        "The record names no language, and the campaign has several (%(languages)s). Name it in the record, or once for "
        "the whole import."
    ),
    _('The language "%(code)s" is not one of the campaign\'s (%(languages)s). Add it there, or leave this out.'),
    _("The campaign's imports name more than %(most)s generators. Use the same name for the same origin."),
    _("The campaign has %(most)s topics already. Use fewer, broader ones."),
    # files
    _("The file is empty. Send one with at least one prompt."),
    _("The format of this file cannot be told. Name it: %(formats)s."),
    _("The compressed file is damaged. Compress it again."),
    _(
        "The compressed file is damaged or was cut after %(number)s bytes of content. Compress it again and import it "
        "again; what is there already is not added twice."
    ),
    _("The file holds more than %(most)s bytes. Split it into smaller files."),
    _(
        "The file unpacks to more than %(most)s times its size, which looks like a decompression bomb. If it is genuine, "
        "import it uncompressed."
    ),
    _("The file is compressed twice. Unpack it once and import the result."),
    _("The file is %(what)s. Send it as UTF-8 text, plain or compressed with gzip, or as Parquet."),
    _("The file is no longer where it was put. Send it again."),
    _("The file may not be read. Check its permissions, or send it again."),
    _("Not valid UTF-8 at byte %(number)s. Save the file in UTF-8."),
    # lines and tables
    _("The line is longer than %(most)s bytes. Shorten it."),
    _("The file is empty. Its first row names the columns, prompt among them."),
    _("The header cannot be read. %(rest)s"),
    _("The header is not valid UTF-8. Save the file in UTF-8."),
    _('There is no column "prompt". Name the columns in the first row.'),
    _("A quote opens in this row and does not close. Close it, or write it twice inside a cell."),
    _("Not valid UTF-8 at byte %(number)s of the row. Save the file in UTF-8."),
    _("A cell is longer than %(most)s characters. Shorten it."),
    _("Not valid CSV: %(error)s. Quote cells that hold separators, and write a quote inside twice."),
    _("The row has %(cells)s cells and the header %(columns)s. Quote cells that hold the separator or a line end."),
    _("The column %(name)s is not known. Known columns: %(names)s Rename or remove it."),
    _("The column %(name)s stands twice. Keep one."),
    _("The column %(name)s has no column %(other)s beside it."),
    _("candidates must be a list."),
    _("%(name)s is given, but %(other)s is empty. Fill both, or none."),
    # Parquet
    _("The Parquet file is damaged or of a kind that is not read: %(error)s. Write it again."),
    _("The Parquet file is damaged: reading it failed. Write it again, or send JSONL."),
    _("The file has more than %(most)s columns. Keep those that are imported."),
    _("The column %(name)s must hold text, not %(type)s."),
    _('The column "candidates" must be a list of structs such as {"text": …, "generator": …}.'),
    _("A candidate has an unknown field %(name)s. Known fields: %(fields)s."),
    _("The field %(name)s of a candidate cannot be %(type)s."),
    _("Row group %(number)s has more than %(most)s candidates a row. Split them."),
    _("The file unpacks to more than %(most)s times its size. Write it uncompressed."),
    _("A text has more than %(most)s characters. Shorten it."),
    _("A text is not valid UTF-8. Write it again as UTF-8."),
    _("The row is too long. Split or shorten it."),
    # JSON
    _("The record is longer than %(most)s bytes. Split or shorten it."),
    _("There is more after the list that the file starts with. Keep one list, or one record a line."),
    _("Not valid JSON: %(error)s at character %(number)s. Correct it."),
    _("The JSON nests deeper than %(most)s levels. Flatten it."),
    _("The JSON holds more than %(most)s lists and objects. Split it."),
    _("A number has %(length)s digits; at most %(most)s are taken. Write it as text."),
    _("The number %(name)s is too large. Write it as text."),
    _("%(name)s is not JSON. Write null for a missing number."),
    _("The key %(name)s stands twice in one object. Keep one."),
    _("The document is not valid JSON: a key of %(where)s is not a string."),
    _("The document is not valid JSON in a key of %(where)s. %(rest)s"),
    _("The document is not valid JSON at %(where)s: %(what)s should stand where %(name)s is."),
    _("The file ends inside %(where)s. It was cut; send the whole file."),
    _("The file ends where %(what)s should stand, at %(where)s. It was cut; send the whole file."),
    # prompts and candidates
    _('The key "prompt" is missing. Write {"prompt": "…"}.'),
    _('the key "text" is missing. Write {"text": "…"}.'),
    _("sampling has %(length)s values; at most %(most)s are taken."),
    _("a name in sampling is blank."),
    _("a value in sampling is not a short text, a finite number, true, false or null."),
    _("human must be true or false, not %(kind)s."),
    _("it names a generator and says that a human wrote it. Keep one of the two."),
    _("There are %(length)s candidates; at most %(most)s a prompt are taken."),
    _("There are %(length)s tags; at most %(most)s a prompt are taken."),
    # Open Assistant
    _("The prompt was deleted or rejected at its source, so nothing of the tree is imported."),
    _("The tree has no prompt."),
    _('The key "prompt" is missing. A tree is {"message_tree_id": "…", "prompt": {…}}.'),
    _('The key "message_id" is missing. Messages are joined into trees by it and "parent_id".'),
    _("The tree is deeper than %(most)s messages. Cut its longest threads."),
    _("The tree has more than %(most)s messages. Split it."),
    _("Message %(name)s stands twice in the tree. Keep one."),
    _("Message %(name)s stands already on line %(number)s. Keep one."),
    _(
        "Message %(name)s leads to no prompt: a message above it is not in the file, or could not be used. Send whole "
        "trees."
    ),
    _('role must be "prompter" or "assistant", not %(kind)s.'),
    _("synthetic must be true or false, not %(kind)s."),
    _("rank must be a whole number from 0 to %(most)s, or null."),
    _("created_date must be a time such as 2023-03-01T22:54:26+00:00."),
    _("A ranking needs ranked_message_ids, a list of message ids, best first."),
    _("ranked_message_ids must name each message once."),
    # sampling reports
    _('The report has two lists "prompts". Keep one.'),
    _("There is more after the report's end. Send one report a file."),
    _('The report has no list "prompts", so there is nothing to import.'),
    _('A sampling report is one JSON object with "model_name" and "prompts".'),
    _('The report names no model. Add "model_name": it becomes the origin of its outputs.'),
    _("model_name is blank. It becomes the origin of the report's outputs; write the model's name."),
    _("The prompt with its outputs is longer than %(most)s bytes. Split it."),
    _("There are more than %(most)s outputs to one prompt. Split the report."),
    # releases
    _("Each worker that built this release died on the way. Look at the workers' log, then ask for a new release."),
    _(
        "The files could not be written: %(error)s. Ask whoever runs the site to look at the disk of releases, then ask "
        "for a new release."
    ),
    _("Each time the files were written, somebody had taken back something in them. Ask for a new release later."),
    _(
        "Building failed (%(error)s), and the workers' log says more. Tell whoever runs the site, then ask for a new "
        "release."
    ),
    # candidates that were asked for
    _("An organizer called this off."),
    _("The conversation that this would answer was removed."),
    _("The worker stopped before an answer came; the request waits for another one."),
    _("Another candidate of this prompt has the same text."),
    _("Another candidate of this prompt has nearly the same text."),
    _(
        "The worker stopped %(times)s times over this request, so it is set aside. Look at the worker's log, then "
        "try it again."
    ),
    _("Nothing is known about why."),
    _("%(rest)s It was tried %(times)s times."),
    _("The answer could not be stored (%(error)s). The worker's log says more."),
    _("The server answered with an error: %(words)s"),
    _("The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."),
    _("The server's answer is JSON, but not an object with choices."),
    _("The server's answer has no choices."),
    _("The server's answer has a choice without a message."),
    _("The server's answer has a message whose content is not text."),
    _("The server's content filter held the answer back."),
    _("The answer reached the length limit before its end. Raise max_tokens to get whole answers."),
    _("The model declined to answer: %(words)s"),
    _("The model answered with an empty text."),
    _("%(rest)s It said: %(words)s"),
    _("The exchange with the server failed in an unforeseen way (%(error)s)."),
    _("The batch's time was over before this request began; it goes back to the queue."),
    _("The server asked for a pause of %(number)s seconds; the request waits for it."),
    _("The server did not accept a connection in time."),
    _("The server cannot be reached: %(error)s"),
    _("The server broke the connection off before its answer was whole."),
    _("The server sent a compressed answer although none was asked for."),
    _("The server's answer is larger than %(most)s bytes."),
    _("The server is limiting its rate (429)."),
    _("The server failed (%(status)s)."),
    _("The server refused the request (%(status)s)."),
    _("The server refuses the key (%(status)s)."),
    _("The server refuses the key. Requests wait, and go on by themselves when it takes the key again."),
    _("%(rest)s Redirects are not followed: enter the address where the API is."),
    _("The server did not finish its answer in time (a read may take %(seconds)s s, the whole exchange %(most)s s)."),
    _(
        "This generator is a label of origin for imported texts and cannot be asked for new ones. Name a generator with "
        "an endpoint instead."
    ),
    _(
        'The engine "%(name)s" is not part of this installation. Run the model behind an OpenAI-compatible server and use '
        'the engine "%(other)s" with its address.'
    ),
    _("The generator's endpoint is not an address. Write it as https://host/v1."),
    _(
        "The answer reached the length limit while the model was still reasoning. Raise max_tokens so that an answer can "
        "follow."
    ),
    _("The model reasoned and then ended without an answer."),
    _("The model repeated itself without end. Raise its temperature, or set a repetition_penalty."),
    _("The model called a tool instead of answering, and none was offered to it."),
    _("The server's answer is compressed, and damaged."),
    _("The server's answer held the key that it was asked with, so it was thrown away."),
    _("The server failed %(times)s times in a row and is left alone for %(seconds)s seconds."),
    _("The server takes %(number)s requests a minute; the request waits for its turn."),
    _("The server does not serve “%(name)s”. It serves: %(names)s."),
    _("%(rest)s The server does not serve “%(name)s”. It serves: %(names)s."),
    _(
        "A server of this kind writes each prompt into the model's own template, so a prompt format has no place there. "
        "Clear the prompt format."
    ),
    _("%(name)s and %(other)s are both set where candidates are generated: keep one of them."),
    _(
        "Neither the environment variable %(name)s, which the generator names for its key, nor %(other)s is set where "
        "candidates are generated. Set one there and start that process again."
    ),
    _("The file that %(name)s names, for the key of a generator, cannot be read (%(error)s)."),
    _("The file that %(name)s names holds no key: it must be one line of text."),
    _("The worker stopped before an answer came. Try it again."),
    _("No worker took this trial: none that can ask this generator is running. Start one, and try again."),
    _("The generator's endpoint holds a user name or password. Store the key as the API key."),
    _("The generator's endpoint has a query or fragment. Write it as https://host/v1."),
    _("The generator's API key holds characters that a header cannot carry. Enter it again."),
    _("The generator's sampling sets %(names)s, which each request sets itself. Remove it."),
    *MODEL_SENTENCES,
    # what begins with what it is about comes last: more could be read as one of these
    _("%(what)s must be a string, not %(kind)s."),
    _("%(what)s must be a list, not %(kind)s."),
    _("%(what)s must be an object, not %(kind)s."),
    _("%(what)s must be an object with the key %(name)s, not %(kind)s."),
    _("%(what)s has %(length)s characters; at most %(most)s are taken."),
    _("%(what)s has an unknown key %(name)s. Known keys: %(names)s."),
    _('%(what)s is %(place)s, so its role must be "%(expected)s", not "%(name)s".'),
)

#: What stands at the places of those sentences, where it is in words.
PHRASES: tuple[str, ...] = (
    _("true or false"),
    _("a number"),
    _("a string"),
    _("a list"),
    _("an object"),
    _("something else"),
    _("a value"),
    _("a zip archive"),
    _("compressed with xz"),
    _("compressed with bzip2"),
    _("compressed with zstd"),
    _("a 7z archive"),
    _("text in UTF-16"),
    _("a prompt"),
    _("a reply to the prompter"),
    _("a reply to the assistant"),
    _("Prompt"),
    _("Each record"),
    _("Each prompt"),
    _("Each result"),
    _("A message"),
    _("A tree"),
    _("A ranking"),
    _("A message without message_id"),
    _("the text"),
    _("a name in sampling"),
    _("the list"),
    _("the report"),
    _("Candidate %(number)s"),
    _("Output %(number)s of %(name)s"),
    _("Message %(name)s"),
    _("element %(number)s of %(where)s"),
    _("the end of a value of %(where)s"),
    _("the end of %(where)s"),
    _("a key of %(where)s"),
    _("key %(name)s"),
    _("the value of %(name)s"),
    _("%(device)s has %(free)s free of %(total)s, %(place)s"),
    _("%(device)s has %(free)s free of %(total)s"),
)
