// Server-sent events out of the pieces in which they come.
export interface Frame {
  event: string;
  data: string;
}

export class FrameReader {
  id = ''; // the last that was read
  #rest = '';
  #event = '';
  #data: string[] = [];

  push(text: string): Frame[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const frames: Frame[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) frames.push({ event: this.#event || 'message', data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') this.#event = value;
      else if (name === 'data') this.#data.push(value);
      else if (name === 'id') this.id = value;
    }
    return frames;
  }
}
