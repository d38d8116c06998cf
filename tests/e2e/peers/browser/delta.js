// What a joiner has as RecoveryRequests, and what a provider's files have beyond that. A file is {path, size, hash, algorithm, done,
// ranges}, hash and algorithm possibly absent.

const BODY_BYTES = 1000 * 1000; // below the limit of a body, sealed
const ENTRY_BYTES = 128; // of a file, beside its path and ranges
const RANGE_BYTES = 36;

const tagged = ({ algorithm, hash }) => (hash ? { hash: `${algorithm}:${hash}` } : {});

// The plaintexts of one request.
export function makeRequest(requestId, files) {
  const parts = [emptyPart()];
  let bytes = 0;
  for (const file of files) {
    bytes += ENTRY_BYTES + 9 * file.path.length + RANGE_BYTES * file.ranges.length;
    if (bytes > BODY_BYTES) {
      parts.push(emptyPart());
      bytes = 0;
    }
    put(parts.at(-1), file);
  }
  return parts.map((part, i) => ({ requestId, part: i + 1, parts: parts.length, ...part }));
}

function emptyPart() {
  return { completedFiles: [], completedHashes: {}, completedSizes: {}, partialFiles: [] };
}

function put(part, file) {
  const { path, size, done, ranges } = file;
  if (!done && ranges.length === 0) return;
  if (!done) {
    part.partialFiles.push({ path, size, ranges, ...tagged(file) });
    return;
  }
  part.completedFiles.push(path);
  part.completedSizes[path] = size;
  if (file.hash) part.completedHashes[path] = tagged(file).hash;
}

// {needed, mismatched, bytes}: what is to be sent of `manifest` to who sent these plaintexts.
export function computeNeeded(manifest, parts) {
  const held = new Map();
  for (const { completedFiles, completedHashes = {}, completedSizes = {}, partialFiles = [] } of parts) {
    for (const path of completedFiles)
      held.set(path, { done: true, size: completedSizes[path], hash: completedHashes[path], ranges: [] });
    for (const { path, size, hash, ranges = [] } of partialFiles) held.set(path, { done: false, size, hash, ranges });
  }
  const needed = [];
  const mismatched = [];
  for (const file of manifest) {
    const there = held.get(file.path);
    const fits = !there || isSame(file, there);
    if (!fits) mismatched.push(file.path);
    if (there?.done && fits) continue;
    const ranges = missing(file.size, there && fits ? there.ranges : []);
    // An empty file has no range, and is sent nevertheless; a partial one without a gap is not.
    if (ranges.length > 0 || file.size === 0) needed.push({ ...file, ranges });
  }
  const bytes = needed.flatMap(({ ranges }) => ranges).reduce((sum, [begin, end]) => sum + end - begin, 0);
  return { needed, mismatched, bytes };
}

function isSame(file, there) {
  if (there.size !== undefined && there.size !== file.size) return false;
  const ours = tagged(file).hash?.toLowerCase();
  const theirs = there.hash?.toLowerCase();
  const comparable = ours && theirs && ours.split(":")[0] === theirs.split(":")[0];
  return !comparable || ours === theirs;
}

function missing(size, ranges) {
  const gaps = [];
  let at = 0;
  for (const [begin, end] of [...ranges, [size, size]]) {
    if (begin > at) gaps.push([at, begin]);
    at = Math.max(at, end);
  }
  return gaps;
}

// The plaintext of a RecoveryResponse.
export function makeResponse(requestId, { needed, mismatched, bytes }) {
  let room = BODY_BYTES;
  const mismatchedFiles = mismatched.filter((path) => (room -= 3 * JSON.stringify(path).length) > 0);
  return { requestId, filesToSend: needed.length, bytesToSend: bytes, mismatchedFiles };
}
