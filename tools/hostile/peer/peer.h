/*
 * A peer of Portcall that shares no code with it: written from docs/PROTOCOL.md alone. It behaves
 * well when told so, and breaks any rule of that page when told so. main.c lists its operations.
 */
#ifndef PC_PEER_H
#define PC_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SLOTS_MAX = 2048,
  ARGUMENTS_MAX = 48,
  FDS_MAX = 253, /* SCM_MAX_FD of the kernel */
  ATTRIBUTES = 16,
  IN_FLIGHT_MAX = 64,
  REGION_HEADER_BYTES = 4096,
  RECORD_HEADER_BYTES = 8,
  MESSAGE_HEADER_BYTES = 32,
  FRAME_HEADER_BYTES = 24,
  PAYLOAD_BYTES_MAX = 65536,
  WAIT_MS = 3000,
};

#define FRAME_MAGIC 0x314c4350u
#define REGION_MAGIC 0x47524350u
#define LAYOUT_HASH 0x990396f9u

/* Offsets of the words of a region. */
enum {
  WORD_MAGIC = 0,
  WORD_HASH = 4,
  WORD_RING_BYTES = 8,
  WORD_TAIL = 128,
  WORD_HEAD = 256,
  WORD_SLEEP = 384,
  WORD_SPACE = 512,
  WORD_SECTIONS = 640,
};

enum { FRAME_REQUEST = 1, FRAME_ACCEPT = 2, FRAME_REJECT = 3 };
enum { FEATURE_SHARED_MEMORY = 1 };
enum { RECORD_MESSAGE = 1, RECORD_PADDING = 2 };
enum { TOKEN_DOORBELL = 1, TOKEN_SECTION, TOKEN_HANDLES, TOKEN_CREDENTIALS };
enum { SECTION_COPIED, SECTION_SEALED };
enum { REQUEST = 1, REPLY, DATAGRAM, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG };
enum {
  MAX_MESSAGE_LENGTH = 0,
  INLINE_LIMIT = 1,
  MAX_POOL_USAGE = 3,
  MAX_QUEUED_MESSAGES = 4,
};

enum carrier { CARRIER_NONE, CARRIER_STREAM, CARRIER_SHM };

/* The line of a script: `SLOT OPERATION key=value …`. */
struct arguments {
  int slot;
  const char *operation;
  int count;
  char *keys[ARGUMENTS_MAX];
  char *values[ARGUMENTS_MAX];
};

struct bytes {
  uint8_t *at;
  size_t length;
  size_t capacity;
};

struct region {
  int fd; /* -1 once it was passed on, or when it is none */
  uint8_t *at;
  uint32_t ringBytes;
  size_t mappedBytes;
};

struct section {
  uint32_t id;
  uint64_t sizeBytes;
  int fd;
};

/* Descriptors that came with bytes `from` to `to` of the stream, counted from its beginning. */
struct arrived {
  int fd;
  uint64_t from;
  uint64_t to;
};

struct message {
  uint32_t dataLength, totalLength, id, callbackId, sequence, mask;
  uint8_t type, mode;
  uint16_t flags, dataInfoCount, status;
  uint8_t *data; /* owned */
  struct message *next;
};

/* What a peer that keeps to the page says in the header of a message. */
struct outgoing {
  uint8_t type;
  uint16_t flags, status;
  uint32_t id;
};

/* One connection, or one listener. */
struct peer {
  int slot;
  int fd;
  bool isEnded, isCorked, isLazy, knowsSender;
  const char *violation; /* what the other side did against the page */
  enum carrier carrier;
  struct bytes in, out;
  uint64_t inStart;  /* position of in.at[0] in the stream */
  uint64_t recordAt; /* where records start in the stream, for their alignment */
  struct arrived arrived[2 * FDS_MAX];
  int arrivedCount;
  uint32_t senderPid;
  struct region own, theirs;
  struct message *inbox; /* came while this side waited for room */
  uint32_t tail, head, rungSleep, rungSpace;
  uint32_t sequenceOut, sequenceIn, nextId, nextSectionId, lastRequestId;
  struct section sections[IN_FLIGHT_MAX];
  int sectionCount;
  uint32_t sectionsSent, bellsGot;
  uint64_t outBytes; /* behind the handshake, for the alignment of records */
  uint32_t ownAttributes[ATTRIBUTES], agreed[ATTRIBUTES];
  uint32_t sentMessages, sentBytes, creditMessages, creditBytes; /* what we sent, what was taken */
  uint32_t tookMessages, tookBytes, toldMessages, toldBytes;     /* what we took, what we told */
};

/* arguments.c */
bool parse_line(char *line, struct arguments *into);
bool has(const struct arguments *a, const char *key);
const char *text_of(const struct arguments *a, const char *key, const char *otherwise);
uint64_t number_of(const struct arguments *a, const char *key, uint64_t otherwise);
/* The bytes of `key` in hexadecimal, of `key`Text, or `key`Size pattern bytes; the caller frees. */
struct bytes bytes_of(const struct arguments *a, const char *key);
void put(struct bytes *into, const void *from, size_t length);
void put_u16(struct bytes *into, uint16_t value);
void put_u32(struct bytes *into, uint32_t value);
void put_u64(struct bytes *into, uint64_t value);
void take_front(struct bytes *from, size_t length);
uint16_t get_u16(const uint8_t *at);
uint32_t get_u32(const uint8_t *at);
uint64_t get_u64(const uint8_t *at);

/* report.c */
void report(int slot, const char *operation);
void report_number(const char *key, uint64_t value);
void report_text(const char *key, const char *value);
void report_bool(const char *key, bool value);
void report_hex(const char *key, const uint8_t *at, size_t length);
void report_end(void);
void report_message(const struct peer *p, const char *operation, const struct message *m);
void report_error(const struct peer *p, const char *operation, const char *what);

/* descriptors.c */
int make_descriptor(const char *kind, uint32_t bytes);
/* Makes the descriptors of a list like `good,pipe*3`; returns how many. The caller closes them. */
int make_descriptors(const char *list, uint32_t bytes, int *into);
void close_all(int *fds, int count);

/* region.c */
bool region_create(struct region *r, const char *kind, uint32_t ringBytes);
const char *region_take(struct region *r, int fd, uint32_t ringBytes); /* NULL, or what is wrong */
void region_close(struct region *r);
uint32_t word_get(const struct region *r, uint32_t offset);
void word_set(struct region *r, uint32_t offset, uint32_t value);
int64_t word_named(const char *name);

/* stream.c */
struct peer *peer_new(int slot, int fd);
void peer_free(struct peer *p);
bool stream_send(struct peer *p, const struct bytes *bytes, const int *fds, int count);
bool stream_send_credentials(struct peer *p, const struct bytes *bytes);
void stream_flush(struct peer *p);
void stream_read(struct peer *p);          /* takes what is there, does not wait */
bool stream_wait(struct peer *p, int ms);  /* until there is something, or the end */
bool stream_drained(struct peer *p, int ms); /* until the peer has read everything */
int take_descriptor(struct peer *p, uint64_t at); /* that came with this byte; -1 for none */
int64_t now_ms(void);

/* handshake.c */
void send_frame(struct peer *p, const struct arguments *a);
bool read_frame(struct peer *p, int ms);

/* records.c */
bool wait_for(struct peer *p, bool (*isThere)(struct peer *, uint32_t), uint32_t wanted);
void write_record(struct peer *p, const struct arguments *a, const struct bytes *body);
void ring_bell(struct peer *p);
void ring_bell_if_wanted(struct peer *p, uint32_t word, uint32_t *last);
/* The next record's body, copied; false when there is none now. */
bool next_record(struct peer *p, struct bytes *body);

/* messages.c */
void send_message(struct peer *p, const struct arguments *a);
struct message *next_message(struct peer *p); /* NULL for none now; the caller frees */
void collect_messages(struct peer *p);        /* puts what is there into the inbox */
struct message *wait_message(struct peer *p, int ms);
void message_free(struct message *m);

/* tokens.c */
void send_token(struct peer *p, const struct arguments *a);
uint32_t send_section(struct peer *p, const struct bytes *data);
void take_tokens(struct peer *p);
bool take_section(struct peer *p, uint32_t id, uint64_t length, uint8_t *into);

/* behaviour.c */
void write_message(struct peer *p, const struct outgoing *head, const struct bytes *data);
void run_ping(struct peer *p, int ms);
void run_requests(struct peer *p, const struct arguments *a);
void run_server(struct peer *p, const struct arguments *a);
void run_close(struct peer *p, int ms);
/* Does what every message demands of this side: credit, PONG. */
void attend(struct peer *p, const struct message *m);

/* storm.c */
void run_storm(struct peer *p, const struct arguments *a);

#endif
