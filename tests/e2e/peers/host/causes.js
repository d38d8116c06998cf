// The sentences of schema/causes.json, by cause.

import fs from "node:fs";

export function loadExplanations() {
  const causes = JSON.parse(fs.readFileSync(new URL("../../../../schema/causes.json", import.meta.url), "utf8"));
  return Object.fromEntries(causes.map(({ cause, sentence, advice }) => [cause, `${sentence} ${advice}`]));
}
