/* The wire's fixed limits. What an operator may choose is announced in Hello and never exceeds these. */
#ifndef SHARED_WIRE_LIMITS_H
#define SHARED_WIRE_LIMITS_H

#define WIRE_PROTOCOL_VERSION 1
#define WIRE_SUBPROTOCOL      "syncshell.v1"

enum {
    WIRE_ID_MAX = 64,           /* syncshell, session, message and relay ids: [A-Za-z0-9_-]{1,64} */
    WIRE_PEER_ID_LENGTH = 51,   /* "ed25519:" and 43 characters of unpadded base64url */
    WIRE_KEY_LENGTH = 43,       /* 32 bytes as unpadded base64url: public keys, nonces */
    WIRE_SIGNATURE_LENGTH = 86, /* 64 bytes as unpadded base64url */
    WIRE_SHA256_LENGTH = 64,
    WIRE_ORIGIN_MAX = 255,          /* bytes of a URL origin such as wss://relay.example:8443 */
    WIRE_ACCESS_KEY_MAX = 128,      /* bytes */
    WIRE_ICE_URL_MAX = 255,         /* bytes of a stun: or turn: URL */
    WIRE_ICE_TEXT_MAX = 255,        /* bytes of a TURN server's username, and of its credential */
    WIRE_ICE_SERVERS_MAX = 32,      /* URLs in one IceServers */
    WIRE_TEXT_MAX = 200,            /* bytes of a sentence for people in Error and GoAway */
    WIRE_REQUEST_HEADER_MAX = 4096, /* bytes of a header from client to relay */
    WIRE_REPLY_HEADER_MAX = 65536,  /* bytes of a header from relay to client */
    WIRE_SIGNAL_BODY_MAX = 65536,   /* bytes of the body of an offer, answer or candidate */
    WIRE_BODY_MAX = 1048576,        /* bytes of any other body */
    WIRE_DEPTH_MAX = 4,             /* nesting of JSON values in a header */
    WIRE_MEMBERS_MAX = 128,         /* members in one SyncshellJoined */
    WIRE_SESSIONS_MAX = 128,        /* sessions in one SyncshellJoined */
    WIRE_ENTRIES_MAX = 256,         /* entries in one SessionSnapshot page */
};

/* Integers on the wire stay below 2^53: every JSON implementation holds them exactly. */
#define WIRE_INTEGER_MAX ((UINT64_C(1) << 53) - 1)

/* A generation may run ahead of the one the relay knows by this much, so that a forged one cannot exhaust the range. */
#define WIRE_GENERATION_JUMP_MAX (UINT64_C(1) << 20)

#endif
