// What the page cannot do itself, done by the program around it (chromium/main.js): files, state, output. Calls arrive in order.

async function call(name, ...given) {
  return JSON.parse(await window.host(JSON.stringify([name, ...given])));
}

export const print = {
  event: (fields) => void call("event", fields),
  failure: (text) => void call("failure", text),
};

export const saveMember = (member) => call("saveMember", member);
export const quit = (status) => call("quit", status);

// The folder as the transfer protocol uses it.
export const disk = {
  scan: () => call("scan"),
  list: () => call("list"),
  async read(path, hash, offset, length) {
    const { changed, bytes } = await call("read", path, hash, offset, length);
    return { changed, bytes: Uint8Array.fromBase64(bytes) };
  },
  receive(orders) {
    return call("receive", orders.map((order) => (order.bytes ? { ...order, bytes: order.bytes.toBase64() } : order)));
  },
};
