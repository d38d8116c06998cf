// What goes over the data channel, as shared/sync/transfer.h has it. Nothing in this folder knows Node or a browser: it runs in
// both.

export const SESSION_PREFIX = "sync-";
export const CHANNEL_LABEL = "syncshell-sync";

export const HEADER_BYTES = 12;
export const PIECE_BYTES = 16 * 1024 - HEADER_BYTES;
export const WINDOW_BYTES = 1024 * 1024;
export const ACK_BYTES = 128 * 1024;

// A binary message: the file's index and the offset in it, most significant byte first, then bytes of the file.
export function writePiece(index, offset, bytes) {
  const message = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, index);
  view.setBigUint64(4, BigInt(offset));
  message.set(bytes, HEADER_BYTES);
  return message;
}

// Null when it is no piece. The bytes are borrowed from the message.
export function readPiece(message) {
  if (message.length <= HEADER_BYTES) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return {
    index: view.getUint32(0),
    offset: Number(view.getBigUint64(4)),
    bytes: message.subarray(HEADER_BYTES),
  };
}
