// What the platform says, in Chinese: looked up in the catalogue of spec/messages by the rules of its README.
export type Groups = Record<string, Record<string, string>>;

interface Template {
  pattern: RegExp;
  chinese: string;
}

export class Catalogue {
  private readonly exact = new Map<string, string>();
  private readonly templates: Template[] = [];
  private readonly reasons: Map<string, string>;
  private readonly words: Map<string, string>;

  constructor(phrases: Groups, reasons: Groups, words: Groups) {
    this.reasons = flat(reasons);
    this.words = flat(words);
    for (const [english, chinese] of flat(phrases)) {
      if (!english.includes('{}')) {
        this.exact.set(english, chinese);
        continue;
      }
      // Each place but the last takes as little as it can.
      const parts = english.split('{}').map(escape);
      const last = parts.length - 1;
      const text = parts.map((part, at) => part + (at === last ? '' : at === last - 1 ? '([^]*)' : '([^]*?)')).join('');
      this.templates.push({ pattern: new RegExp(`^${text}$`), chinese });
    }
  }

  word(english: string): string {
    return this.words.get(english) ?? english;
  }

  sentence(english: string): string {
    const exact = this.exact.get(english);
    if (exact !== undefined) return exact;
    for (const { pattern, chinese } of this.templates) {
      const found = pattern.exec(english);
      if (!found) continue;
      let at = 0;
      return chinese.replace(/\{(\w*)\}/g, (_whole, kind: string) => {
        const part = found[++at] ?? '';
        if (kind === 'word') return this.word(part);
        if (kind === 'phrase') return this.sentence(part);
        return part;
      });
    }
    const place = /^\S.*?:\d+:\d+: /.exec(english);
    return place ? place[0] + this.atPlace(english.slice(place[0].length)) : english;
  }

  // What stands behind the place of a fault: a sentence, or one behind a field's path and a colon.
  private atPlace(english: string): string {
    const whole = this.sentence(english);
    const colon = english.indexOf(': ') + 2;
    if (whole !== english || colon === 1) return whole;
    return english.slice(0, colon) + this.sentence(english.slice(colon));
  }

  // The Chinese of a reason alone: of what several have in common.
  reason(reason: string): string | undefined {
    return this.reasons.get(reason);
  }

  // The Chinese of the reason, and behind it the sentence, which names the thing.
  error(reason: string, message: string): string {
    const chinese = this.reasons.get(reason);
    const said = this.sentence(message);
    if (chinese === undefined) return said;
    return said ? `${chinese}（${said.replace(/\.$/, '')}）` : chinese;
  }
}

function flat(groups: Groups): Map<string, string> {
  return new Map(Object.values(groups).flatMap((group) => Object.entries(group)));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
