// The sealed stream written a second time, from spec/sealed-format.md alone, on npm's sm-crypto-v2. Reads one JSON job a
// line from standard input and answers each with one JSON line.
import { createInterface } from 'node:readline';
import { sm2, sm3, sm4 } from 'sm-crypto-v2';

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bin = (text) => Buffer.from(text, 'hex');
const hash = (bytes) => bin(sm3(new Uint8Array(bytes)));
const hmac = (key, bytes) => bin(sm3(new Uint8Array(bytes), { key: new Uint8Array(key), mode: 'hmac' }));
const u16 = (value) => Buffer.from([value >> 8, value & 255]);
const label = (text) => Buffer.from(text, 'ascii');
const kinds = { payload: 1, response: 2, grant: 3 };

function gcm(key, nonce, additional, data, tag) {
  const options = { mode: 'gcm', iv: new Uint8Array(nonce), associatedData: new Uint8Array(additional), padding: 'none',
    output: 'array' };
  const of = (bytes) => new Uint8Array(bytes);
  if (tag === undefined) {
    const made = sm4.encrypt(of(data), of(key), { ...options, outputTag: true });
    return Buffer.concat([made.output, made.tag]);
  }
  return Buffer.from(sm4.decrypt(of(data), of(key), { ...options, tag: of(tag) }));
}

function keys(rootKey, kind, salt, context) {
  const prk = hmac(Buffer.alloc(32), rootKey);
  const stream = hmac(prk, Buffer.concat([label(`mifeng/v1/${kind}`), salt, context, Buffer.from([1])]));
  return { stream, segment: hmac(stream, label('mifeng/v1/segment')).subarray(0, 16) };
}

const keyId = (point) => hash(bin(point)).subarray(0, 8);
const block = (id, content) => Buffer.concat([id, u16(content.length), content]);
const headerMac = (stream, fixed, blocks) => hmac(stream, Buffer.concat([fixed, hash(blocks)]));

function nonce(index, final) {
  const made = Buffer.alloc(12);
  made.writeUIntBE(index, 5, 6);
  made[11] = final ? 1 : 0;
  return made;
}

function seal(job) {
  const rootKey = bin(job.root_key);
  const salt = bin(job.salt);
  const context = bin(job.context);
  const plaintext = bin(job.plaintext);
  const segment = 2 ** job.exponent;
  let blocks = Buffer.concat(job.recipients.map((point) =>
    block(keyId(point), bin(sm2.doEncrypt(new Uint8Array(rootKey), point, 1, { asn1: true })))));
  const statement = Buffer.concat([label('mifeng/v1/sender'),
    Buffer.from([kinds[job.kind], job.exponent, job.recipients.length]), blocks]);
  if (job.signer) {
    const signature = sm2.doSignature(new Uint8Array(statement), job.signer,
      { der: true, hash: true, userId: '1234567812345678' });
    blocks = Buffer.concat([blocks, block(keyId(sm2.getPublicKeyFromPrivateKey(job.signer)), bin(signature))]);
  }
  const fixed = Buffer.concat([label('MFS'), Buffer.from([1, kinds[job.kind], job.exponent]),
    u16(28 + blocks.length + 32), salt, Buffer.from([job.recipients.length, (job.signer ? 1 : 0) | 2, 0, 0])]);
  const k = keys(rootKey, job.kind, salt, context);
  const out = [fixed, blocks, headerMac(k.stream, fixed, blocks)];
  for (let at = 0, index = 0; ; at += segment, index += 1) {
    const piece = plaintext.subarray(at, at + segment);
    const final = piece.length < segment;
    const length = Buffer.alloc(4);
    length.writeUInt32BE((final ? 0x80000000 : 0) + piece.length);
    out.push(length, gcm(k.segment, nonce(index, final), length, piece));
    if (final) break;
  }
  return { stream: hex(Buffer.concat(out)) };
}

function open(job) {
  const stream = bin(job.stream);
  const size = stream.readUInt16BE(6);
  const kind = Object.keys(kinds).find((name) => kinds[name] === stream[4]);
  const blocks = stream.subarray(28, size - 32);
  const mine = keyId(sm2.getPublicKeyFromPrivateKey(job.private_key));
  let rootKey;
  let at = 0;
  for (let i = 0; i < stream[24]; i += 1) {
    const length = blocks.readUInt16BE(at + 8);
    if (blocks.subarray(at, at + 8).equals(mine)) {
      rootKey = Buffer.from(sm2.doDecrypt(hex(blocks.subarray(at + 10, at + 10 + length)), job.private_key, 1,
        { asn1: true, output: 'array' }));
    }
    at += 10 + length;
  }
  if (!rootKey || rootKey.length !== 16) return { error: 'no root key' };
  const k = keys(rootKey, kind, stream.subarray(8, 24), bin(job.context));
  if (!headerMac(k.stream, stream.subarray(0, 28), blocks).equals(stream.subarray(size - 32, size)))
    return { error: 'header MAC' };
  let signed = null;
  if (stream[25] & 1) {
    const statement = Buffer.concat([label('mifeng/v1/sender'), Buffer.from([stream[4], stream[5], stream[24]]),
      blocks.subarray(0, at)]);
    signed = sm2.doVerifySignature(new Uint8Array(statement), hex(blocks.subarray(at + 10)), job.signer,
      { der: true, hash: true, userId: '1234567812345678' });
  }
  const plaintext = [];
  at = size;
  for (let index = 0; ; index += 1) {
    const length = stream.subarray(at, at + 4);
    const field = length.readUInt32BE();
    const n = field & 0x1ffffff;
    const final = field >= 0x80000000;
    plaintext.push(gcm(k.segment, nonce(index, final), length, stream.subarray(at + 4, at + 4 + n),
      stream.subarray(at + 4 + n, at + 20 + n)));
    at += 20 + n;
    if (final) break;
  }
  return { plaintext: hex(Buffer.concat(plaintext)), signed, rest: stream.length - at };
}

const actions = { seal, open };
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  let answer;
  try {
    answer = actions[job.action](job);
  } catch (problem) {
    answer = { error: String(problem) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
