// Bytes: of texts, and written in hexadecimal. Nothing here needs a page.

/** The bytes of a text in UTF-8, or of a buffer. */
export function bytesOf(data) {
  return typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
}

/** How many bytes those are. */
export function byteLength(data) {
  return bytesOf(data).length;
}

export function hexByte(byte) {
  return byte.toString(16).padStart(2, '0');
}

export function toHex(bytes) {
  return Array.from(bytes, hexByte).join('');
}

/** The bytes that a text in hexadecimal stands for; blanks do not matter. Null if it is none. */
export function fromHex(text) {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 === 1 || /[^0-9a-f]/i.test(digits)) {
    return null;
  }
  return Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
}
