// The pages of work: everything they do, each in a module of its own.

import "./keys.js";
import "./menu.js";
import "./unanswer.js";
import "./saved-line.js";
import "./lease.js";
import "./arrive.js";
import "./card-strip.js";
import "./ranking.js";
import "./text-editor.js";
import "./text-check.js";
import "./answer-check.js";
import "./draft-keeper.js";
