// The style of what is drawn of data: each part that draws imports this, and nothing of the first view of Jobs does.

import { sheet } from "../lib/dom.js";

await sheet("figures.css");
