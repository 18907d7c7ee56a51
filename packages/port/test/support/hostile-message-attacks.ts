import { LAX, type Attack } from './hostile-open.js';

const INVALID_MESSAGE = 11;
const MESSAGE_TOO_LONG = 10;
const CANCELED = 14;

const hex = (...words: number[]): string => {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, index * 4);
  return bytes.toString('hex');
};

const say = (words: string): string => `message dataText=hello ${words}`;

/** Every type but REQUEST, DATAGRAM and REPLY, with what makes a good one. */
const OTHERS = ['cancel id=9', `credit data=${hex(0, 0)}`, 'ping', 'pong id=9', 'close'];

/** Headers that cannot be. */
export const headers: readonly Attack[] = [
  ...[0, 10, 11, 255].map((type): Attack => [`type ${type}`, [say(`type=${type}`)], 'ends']),
  ...[0, 1, 31, 32, 36, 38, 0x7fffffff, 0xffffffff].map((tlen): Attack => [
    `totalLength ${tlen}`,
    [say(`tlen=${tlen}`)],
    'ends',
  ]),
  ['flags of a request', [say('flags=1')], 'ends'],
  ['status of a request', [say('status=1')], 'ends'],
  ['a body of 31 bytes', ['message type=ping bodyCut=1'], 'ends'],
  ['a body of nothing', ['message type=ping bodyCut=32'], 'ends'],
  ['messageId 0 of a request', [say('id=0')], 'ends'],
  ['messageId 0 of a ping', ['message type=ping id=0'], 'ends'],
  [
    'messageId 0 of a range',
    [`message type=range id=0 cb=9 data=${hex(1, 0, 0, 0, 8, 0)}`],
    'ends',
  ],
  ['messageId of a datagram', ['message type=datagram id=1'], 'ends'],
  ['messageId of credit', [`message type=credit id=1 data=${hex(0, 0)}`], 'ends'],
  ['messageId of close', ['message type=close id=1'], 'ends'],
  ['callbackId of a datagram', ['message type=datagram cb=1'], 'ends'],
  ['callbackId of a ping', ['message type=ping cb=1'], 'ends'],
  ['flags of a datagram', ['message type=datagram flags=1'], 'ends'],
  ['status of a datagram', ['message type=datagram status=1'], 'ends'],
  ['mode 2', [say('mode=2')], 'ends or lives'],
  ['mode 255 of a datagram', ['message type=datagram mode=255'], 'ends'],
  ...OTHERS.flatMap((other): Attack[] => [
    [`flags of ${other}`, [`message type=${other} flags=1`], 'ends'],
    [`attributes of ${other}`, [`message type=${other} mask=32 attrs=${hex(5, 0)}`], 'ends'],
    [`a data-info of ${other}`, [`message type=${other} infos=1`], 'ends'],
    [`data length of ${other}`, [`message type=${other} dlen=4096`], 'ends'],
  ]),
  ['attributes of a reply', [`message type=reply id=9 mask=32 attrs=${hex(5, 0)}`], 'ends'],
];

/** Sequence numbers with gaps. */
export const sequences: readonly Attack[] = [
  ...[1, 2, 0x7fffffff, 0xffffffff].map((seq): Attack => [
    `first sequence ${seq}`,
    [say(`seq=${seq}`)],
    'ends',
  ]),
  ['a sequence again', [say(''), say('seq=0')], 'ends'],
  ['a sequence left out', [say(''), say('seq=2')], 'ends'],
  ['a sequence that goes back', [say('times=10'), say('seq=5')], 'ends'],
];

/** Requests whose parts do not agree: answered; datagrams end the connection. */
export const disagreements: readonly Attack[] = [
  ['a dataLength of one more', [say('dlen=6')], INVALID_MESSAGE],
  ['a dataLength of one less', [say('dlen=4')], INVALID_MESSAGE],
  ['a dataLength of 0', [say('dlen=0')], INVALID_MESSAGE],
  ['a data-info that is not there', [say('infos=1')], INVALID_MESSAGE],
  ['65 535 data-infos', [say('infos=65535')], INVALID_MESSAGE],
  ['a data-info of an inline message', [say(`infos=1 info=${hex(1, 0, 5, 0)}`)], INVALID_MESSAGE],
  ['an attribute that nobody knows', [say(`mask=64 attrs=${hex(0, 0)}`)], INVALID_MESSAGE],
  ['every attribute bit', [say('mask=0xffffffff')], INVALID_MESSAGE],
  ['an attribute without bytes', ['message mask=32'], INVALID_MESSAGE],
  ['half an attribute', [`message mask=32 attrs=${hex(5)}`], INVALID_MESSAGE],
  ['a deadline of 0', [say(`mask=32 attrs=${hex(0, 0)}`)], INVALID_MESSAGE],
  ['a deadline with bits', [say(`mask=32 attrs=${hex(5, 1)}`)], INVALID_MESSAGE],
  ['handles that never came', [say(`mask=2 attrs=${hex(7, 1)}`)], 'ends or lives'],
  ['credentials that never came', [say(`mask=1 attrs=${hex(7, 0)}`)], 'ends or lives'],
  ['no ranges', [say(`mask=4 attrs=${hex(0, 0)}`)], INVALID_MESSAGE],
  ['nine ranges', [say(`mask=4 attrs=${hex(9, 0)}${'00'.repeat(9 * 24)}`)], INVALID_MESSAGE],
  ['2³² − 1 ranges', [say(`mask=4 attrs=${hex(0xffffffff, 0)}`)], INVALID_MESSAGE],
  ['a range of access 0', [say(`mask=4 attrs=${hex(1, 0, 8, 0, 0, 0, 0, 0)}`)], INVALID_MESSAGE],
  ['a trace of 257 bytes', [say(`mask=8 attrs=00000101${'00'.repeat(300)}`)], INVALID_MESSAGE],
  ['priority 4', [say('mask=8 attrs=0400000000000000')], INVALID_MESSAGE],
  ['nine processes', [say(`mask=16 attrs=${hex(9, 0)}${'00'.repeat(9 * 24)}`)], INVALID_MESSAGE],
  ['attributes of 5 000 bytes', [`message mask=8 attrsSize=5000`], INVALID_MESSAGE],
  ['a dataLength of one more in a datagram', ['message type=datagram dataText=a dlen=2'], 'ends'],
  [
    'an unknown attribute of a datagram',
    [`message type=datagram mask=64 attrs=${hex(0, 0)}`],
    'ends',
  ],
];

/** Around `maxMessageLength`. */
export const lengths: readonly Attack[] = [
  ['a request over maxMessageLength', ['message dataSize=1001'], MESSAGE_TOO_LONG, 'a00=1000'],
  ['a request of maxMessageLength', ['message dataSize=1000'], 0, 'a00=1000'],
  ['a datagram over maxMessageLength', ['message type=datagram dataSize=1001'], 'ends', 'a00=1000'],
];

/** Ids that are taken, unknown or too many; `hold` is kept by the receiver. */
export const ids: readonly Attack[] = [
  ['an id that is taken', ['message id=5 dataText=hold', 'message id=5 dataText=hold'], 'ends'],
  ['an id that is taken mod 2 048', ['message id=5 dataText=hold', 'message id=2053'], 'ends'],
  ['an id of a ping that is taken', ['message id=5 dataText=hold', 'message type=ping id=5'], LAX],
  ['an id that is free again', ['message id=5', 'read', 'message id=5'], 0],
  [
    'an id that was canceled',
    ['message id=5 dataText=hold', 'message type=cancel id=5', 'message id=5 dataText=x'],
    0,
  ],
  ['1 025 requests that wait', ['message dataText=hold times=1025'], LAX],
  ['1 024 requests that wait', ['message dataText=hold times=1024'], 'lives'],
  ['a reply to nothing', ['message type=reply id=9 dataText=x'], 'lives'],
  ['a thousand replies to nothing', ['message type=reply id=9 dataText=x times=1000'], 'lives'],
  ['a reply with an unknown status', ['message type=reply id=9 status=999'], 'ends or lives'],
  ['a reply with every flag', ['message type=reply id=9 flags=65535'], 'ends or lives'],
  ['a reply to request 0', ['message type=reply id=0'], 'ends or lives'],
  ['a cancel of nothing', ['message type=cancel id=9 times=1000'], 'lives'],
  [
    'a cancel of what is taken mod 2 048',
    ['message id=5 dataText=hold', 'message type=cancel id=2053'],
    'lives',
  ],
  ['a pong to nothing', ['message type=pong id=9'], 'ends or lives'],
  ['2 000 pings', ['message type=ping times=2000'], 'ends or lives'],
];

/** Callbacks and ranges of requests that are not. */
export const callbacks: readonly Attack[] = [
  ['a callback to an unknown request', [say('cb=99')], CANCELED],
  ['a callback to the own request', ['message id=5 dataText=hold', say('cb=5')], CANCELED],
  ['a callback of 2³² − 1', [say('cb=0xffffffff')], CANCELED],
  [
    'a range of an unknown request',
    [`message type=range cb=99 data=${hex(1, 0, 0, 0, 8, 0)}`],
    CANCELED,
  ],
  [
    'a range of request 0',
    [`message type=range cb=0 data=${hex(1, 0, 0, 0, 8, 0)}`],
    'ends or lives',
  ],
  [
    'a range of 2⁶⁴ − 1 bytes',
    [`message type=range cb=99 data=${hex(1, 0, -1, -1, -1, -1)}`],
    'ends or lives',
  ],
  ['half a range', [`message type=range cb=99 data=${hex(1, 0)}`], 'ends or lives'],
  ['an empty range', ['message type=range cb=99'], 'ends or lives'],
  [
    '2 000 ranges',
    [`message type=range cb=99 data=${hex(1, 0, 0, 0, 8, 0)} times=2000`],
    'ends or lives',
  ],
];

/** Credit that was never due. */
export const credit: readonly Attack[] = [
  ['credit of nothing', [`message type=credit data=${hex(0, 0)} times=100`], 'lives'],
  ['credit for a message that was not sent', [`message type=credit data=${hex(1, 0)}`], 'ends'],
  ['credit for bytes that were not sent', [`message type=credit data=${hex(0, 1)}`], 'ends'],
  ['credit of −1', [`message type=credit data=${hex(-1, 0)}`], 'ends'],
  ['credit of −1 bytes', [`message type=credit data=${hex(0, -1)}`], 'ends'],
  ...[0, 4, 7, 9, 16].map((size): Attack => [
    `credit of ${size} bytes`,
    [`message type=credit dataSize=${size}`],
    'ends',
  ]),
];

/** To a server that sends four datagrams of ten bytes to whoever connects. */
export const creditForFour: readonly Attack[] = [
  ['credit for all', [`message type=credit data=${hex(4, 40)}`], 'lives'],
  ['credit for one more', [`message type=credit data=${hex(5, 40)}`], 'ends'],
  ['credit for a byte more', [`message type=credit data=${hex(4, 41)}`], 'ends'],
  [
    'credit that goes back',
    [`message type=credit data=${hex(3, 30)}`, `message type=credit data=${hex(2, 30)}`],
    'ends',
  ],
  [
    'bytes that go back',
    [`message type=credit data=${hex(3, 30)}`, `message type=credit data=${hex(3, 20)}`],
    'ends',
  ],
];

/** CLOSE, and what follows it. */
export const endings: readonly Attack[] = [
  ['close', ['message type=close'], 'ends'],
  ['close with a status', ['message type=close status=12'], 'ends'],
  ['close with an unknown status', ['message type=close status=999'], 'ends'],
  ['close with data', ['message type=close dataText=bye'], 'ends'],
  ['close and more', ['cork', 'message type=close', 'message times=20', 'uncork'], 'ends'],
  ['close twice', ['cork', 'message type=close times=2', 'uncork'], 'ends'],
  ['requests, then close', ['cork', 'message times=50', 'message type=close', 'uncork'], 'ends'],
  [
    'close, then garbage',
    ['cork', 'message type=close', 'send data=ffffffffffffffff', 'uncork'],
    'ends',
  ],
];

/** Record headers that cannot be. */
export const records: readonly Attack[] = [
  ...[0, 1, 7].map((rlen): Attack => [`a record of ${rlen} bytes`, [say(`rlen=${rlen}`)], 'ends']),
  ['a record of 2³² − 1 bytes', [say('rlen=0xffffffff')], 'ends'],
  ['a record of 2³¹ bytes', [say('rlen=0x80000000')], 'ends'],
  ...[0, 3, 255, 256, 65535].map((kind): Attack => [
    `kind ${kind}`,
    [say(`rkind=${kind}`)],
    'ends',
  ]),
  ['reserved bytes', [say('rzero=1')], 'ends'],
  ['reserved bytes, the high one', [say('rzero=0x8000')], 'ends'],
];

/** More than may wait, to a server that takes nothing. */
export const untaken: readonly Attack[] = [
  ['as many datagrams as may wait', ['message type=datagram dataText=x times=8'], 'lives', 'a04=8'],
  ['one more', ['message type=datagram dataText=x times=9'], 'ends', 'a04=8'],
  ['1 024', ['message type=datagram dataText=x times=1024'], 'lives'],
  ['1 025', ['message type=datagram dataText=x times=1025'], 'ends'],
  ['requests', ['message type=request dataText=x times=1025'], 'ends'],
  [
    'as many bytes as may wait',
    ['message type=datagram dataSize=500 times=4'],
    'lives',
    'a03=2000',
  ],
  [
    'one message over the bytes',
    ['message type=datagram dataSize=501 times=4'],
    'lives',
    'a03=2000',
  ],
  [
    'two messages over the bytes',
    ['message type=datagram dataSize=501 times=5'],
    'ends',
    'a03=2000',
  ],
];
