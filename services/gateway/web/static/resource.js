// A resource in the dialog.

import { catalogue, regionName } from "./catalogue.js";
import { degrees, lookButton, open } from "./dialog.js";
import { facts, make, words } from "./dom.js";


