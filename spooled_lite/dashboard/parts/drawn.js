// The style of what is drawn of data: each part that draws imports this, and nothing of the first view does.

import { sheet } from "../lib/sheet.js";

await sheet("figures.css");
