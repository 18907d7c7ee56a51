/*
 * The part of libuv that the addon calls, declared here so that no Node headers are needed: every
 * Node binary exports these functions, and libuv 1.x keeps their ABI. Handles are opaque; their size
 * is asked at run time.
 */
#ifndef PORTCALL_UV_ABI_H
#define PORTCALL_UV_ABI_H

#include <stddef.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_prepare_s uv_prepare_t;

/* Values of enum uv_handle_type and enum uv_poll_event, part of the 1.x ABI. */
enum { PC_UV_POLL = 8, PC_UV_PREPARE = 9 };
enum { PC_UV_READABLE = 1, PC_UV_WRITABLE = 2, PC_UV_DISCONNECT = 4 };

extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);
extern void uv_close(uv_handle_t *handle, void (*callback)(uv_handle_t *handle));
extern int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
extern int uv_poll_start(uv_poll_t *handle, int events,
                         void (*callback)(uv_poll_t *handle, int status, int events));
extern int uv_poll_stop(uv_poll_t *handle);
extern int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *handle);
extern int uv_prepare_start(uv_prepare_t *handle, void (*callback)(uv_prepare_t *handle));
extern int uv_prepare_stop(uv_prepare_t *handle);
extern int uv_backend_timeout(const uv_loop_t *loop);

#endif
