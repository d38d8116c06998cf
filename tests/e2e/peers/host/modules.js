// npm's packages, which tests/run installs into the build folder: linters that walk the sources have no business in them.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const requirePackage = createRequire(fileURLToPath(new URL("../../../../build/peers/", import.meta.url)));
