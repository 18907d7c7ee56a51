/*
 * The numbers of the protocol that C uses or checks. packages/wire states the same ones;
 * a test compares them through the addon's `layout()`.
 */
#ifndef PORTCALL_LAYOUT_H
#define PORTCALL_LAYOUT_H

#define PC_DOORBELL_BYTE 0x01
/* Descriptors of one message: what sendWith() takes at most. */
#define PC_HANDLES_MAX 4
#define PC_REGION_MAGIC 0x47524350u
#define PC_REGION_HEADER_BYTES 4096u
#define PC_REGION_OUT_TAIL 128u
#define PC_REGION_IN_HEAD 256u
#define PC_REGION_SLEEP_EPOCH 384u
#define PC_REGION_SPACE_EPOCH 512u
#define PC_REGION_SECTIONS_CONSUMED 640u

/* What an importer asks of a descriptor before it maps it. */
#define PC_SEAL_SEAL 0x0001
#define PC_SEAL_SHRINK 0x0002
#define PC_SEAL_GROW 0x0004
#define PC_SEAL_WRITE 0x0008
#define PC_SEAL_FUTURE_WRITE 0x0010

#endif
