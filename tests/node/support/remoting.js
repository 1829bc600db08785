'use strict';

// A client of RocketMQ's protocol, as small as can be: one request at a time, headers as JSON.

const net = require('node:net');
const { once } = require('node:events');

class RawClient {
  #socket;
  #received = Buffer.alloc(0);
  #opaque = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      socket.emit('more');
    });
    socket.on('close', () => socket.emit('more'));
    socket.on('error', () => {});
  }

  static async connect(address) {
    const [host, port] = address.split(':');
    const socket = net.connect(Number(port), host);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The header of the answer, or null when the connection was closed instead. */
  async ask(code, extFields, body = Buffer.alloc(0)) {
    this.#opaque += 1;
    const header = Buffer.from(
      JSON.stringify({ code, language: 'OTHER', version: 399, opaque: this.#opaque, flag: 0, extFields }),
    );
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(4 + header.length + body.length, 0);
    frame.writeUInt32BE(header.length, 4);
    this.#socket.write(Buffer.concat([frame, header, body]));
    for (;;) {
      const answer = this.#frame();
      if (answer?.opaque === this.#opaque) {
        return answer;
      }
      if (answer === null) {
        if (this.#socket.closed) {
          return null;
        }
        await once(this.#socket, 'more');
      }
    }
  }

  #frame() {
    if (this.#received.length < 8 || this.#received.length < 4 + this.#received.readUInt32BE(0)) {
      return null;
    }
    const length = 4 + this.#received.readUInt32BE(0);
    const header = JSON.parse(this.#received.subarray(8, 8 + (this.#received.readUInt32BE(4) & 0xffffff)));
    this.#received = this.#received.subarray(length);
    return header;
  }

  close() {
    this.#socket.destroy();
  }
}

module.exports = { RawClient };
