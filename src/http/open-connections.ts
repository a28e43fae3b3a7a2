import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The newest answer of each open connection, so that a stop waits for answers and for nothing else. Node's own
 * `closeIdleConnections` spares a connection on which nothing, or half a request, has been said.
 */
export class OpenConnections {
  readonly #answers = new Map<Socket, ServerResponse | undefined>();
  #ending = false;

  opened(socket: Socket): void {
    if (this.#ending) socket.destroy();
    this.#answers.set(socket, undefined);
    socket.once('close', () => this.#answers.delete(socket));
  }

  asked(socket: Socket, answer: ServerResponse): void {
    this.#answers.set(socket, answer);
  }

  /** Each connection ends with its newest answer, or at once where none is awaited. */
  end(): void {
    this.#ending = true;
    for (const [socket, answer] of this.#answers) {
      if (!answer || answer.writableFinished) socket.destroy();
      else answer.once('close', () => socket.destroySoon());
    }
  }
}
