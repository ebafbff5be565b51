import { expect, test } from 'vitest';
import { FrameReader } from './frames.ts';

test('frames come out of pieces that are cut anywhere', () => {
  const text = 'retry: 3000\n\nid: a1\nevent: change\ndata: {"id":"x"}\n\n:\nid: a2\n\nevent: reset\ndata: {}\n\n';
  for (let cut = 0; cut <= text.length; cut++) {
    const frames = new FrameReader();
    expect([...frames.push(text.slice(0, cut)), ...frames.push(text.slice(cut))]).toEqual([
      { event: 'change', data: '{"id":"x"}' },
      { event: 'reset', data: '{}' },
    ]);
    expect(frames.id).toBe('a2');
  }
});

test('comments and what has no data are no frames, lines of data are joined', () => {
  const frames = new FrameReader();
  expect(frames.push(': hello\n\nevent: change\n\n\n\n')).toEqual([]);
  expect(frames.push('data: a\ndata:b\nunknown: c\nodd\n\n')).toEqual([{ event: 'message', data: 'a\nb' }]);
  expect(frames.id).toBe('');
});
