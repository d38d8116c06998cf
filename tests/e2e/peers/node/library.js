// libsyncshell's shared object as JavaScript sees it through koffi: declarations from syncshell/syncshell.h, and nothing else.

import { requirePackage } from "../host/modules.js";

const koffi = requirePackage("koffi");

// Must end so; everything that the caller copies in or out is declared here.
function declare(lib) {
  koffi.opaque("syncshell_client");
  koffi.opaque("syncshell_event");
  koffi.struct("syncshell_options", {
    size: "uint32_t", reserved: "uint32_t", state_dir: "const char *", relay_url: "const char *", ca_file: "const char *",
    access_key: "const char *", wake: "void *", wake_userdata: "void *", retry_base_ms: "uint32_t",
    attempt_timeout_ms: "uint32_t", stop_timeout_ms: "uint32_t", events_max: "uint32_t",
  });
  koffi.struct("syncshell_range", { begin: "uint64_t", end: "uint64_t" });
  koffi.struct("syncshell_file", {
    size: "uint32_t", flags: "uint32_t", path: "const char *", hash: "const char *", algorithm: "const char *",
    size_bytes: "uint64_t", ranges: "const syncshell_range *", n_ranges: "size_t",
  });
  koffi.struct("syncshell_link_report", { size: "uint32_t", link: "int32_t", cause: "const char *", ice_server: "const char *" });
  koffi.struct("syncshell_ice_server", {
    size: "uint32_t", reserved: "uint32_t", url: "const char *", username: "const char *", credential: "const char *",
  });
  const session = "syncshell_client *client, const char *session_id";
  const ticket = "_Out_ uint64_t *ret_ticket";
  const prototypes = {
    errorName: "const char *syncshell_error_name(int32_t error)",
    version: "const char *syncshell_version()",
    optionsInit: "void syncshell_options_init(_Out_ syncshell_options *options, uint32_t size)",
    clientNew: "int32_t syncshell_client_new(const syncshell_options *options, _Out_ syncshell_client **ret_client)",
    clientFree: "void syncshell_client_free(syncshell_client *client)",
    clientPeerId: "int32_t syncshell_client_peer_id(syncshell_client *client, _Out_ char *ret_id, size_t size)",
    nextEvent: "int32_t syncshell_client_next_event(syncshell_client *client, _Out_ syncshell_event **ret_event)",
    wakeFd: "int32_t syncshell_client_wake_fd(syncshell_client *client)",
    eventFree: "void syncshell_event_free(syncshell_event *event)",
    eventType: "int32_t syncshell_event_get_type(syncshell_event *event)",
    eventTypeName: "const char *syncshell_event_type_name(int32_t type)",
    eventTicket: "uint64_t syncshell_event_ticket(syncshell_event *event)",
    eventText: "const char *syncshell_event_text(syncshell_event *event, int32_t field, size_t *ret_length)",
    eventInteger: "int32_t syncshell_event_integer(syncshell_event *event, int32_t field, _Out_ uint64_t *ret_value)",
    fieldName: "const char *syncshell_field_name(int32_t field)",
    eventFileCount: "size_t syncshell_event_file_count(syncshell_event *event, int32_t list)",
    eventFile: "int32_t syncshell_event_file(syncshell_event *event, int32_t list, size_t index, _Inout_ syncshell_file *ret_file)",
    eventIceServerCount: "size_t syncshell_event_ice_server_count(syncshell_event *event)",
    eventIceServer: "int32_t syncshell_event_ice_server(syncshell_event *event, size_t index, _Inout_ syncshell_ice_server *ret_server)",
    sessionOpen: `int32_t syncshell_session_open(syncshell_client *client, const char *syncshell_id,
      const char *other_peer_id, int32_t role, const char *session_id, const char *label, ${ticket})`,
    sessionSetManifest: `int32_t syncshell_session_set_manifest(${session}, const syncshell_file *files, size_t n_files, ${ticket})`,
    sessionReport: `int32_t syncshell_session_report(${session}, const syncshell_file *files, size_t n_files, ${ticket})`,
    sessionOffer: `int32_t syncshell_session_offer(${session}, uint64_t generation, const char *sdp, size_t sdp_length, ${ticket})`,
    sessionAnswer: `int32_t syncshell_session_answer(${session}, uint64_t generation, const char *sdp, size_t sdp_length, ${ticket})`,
    sessionCandidate: `int32_t syncshell_session_candidate(${session}, uint64_t generation, const char *candidate,
      size_t candidate_length, const char *sdp_mid, int32_t sdp_mline_index, ${ticket})`,
    sessionLinkReport: `int32_t syncshell_session_link_report(${session}, uint64_t generation,
      const syncshell_link_report *report, ${ticket})`,
    sessionRequestRecovery: `int32_t syncshell_session_request_recovery(${session}, ${ticket})`,
    sessionClose: `int32_t syncshell_session_close(${session}, int32_t outcome, ${ticket})`,
  };
  return Object.fromEntries(Object.entries(prototypes).map(([name, prototype]) => [name, lib.func(prototype)]));
}

export const ZERO_TERMINATED = 2n ** 64n - 1n;
export const OK = 0;
export const E_BUSY = -3;
export const LINK = { up: 1, lost: 2, failed: 3 };
export const ROLE = { joiner: 1, provider: 2 };
export const OUTCOME = { completed: 1, failed: 2, cancelled: 3 };
export const FILE_LISTS = { held: 1, needed: 2, mismatched: 3 };
export const FILE_DONE = 1;
// syncshell_field: texts from 1, integers from 100.
export const TEXT_FIELDS = Array.from({ length: 17 }, (_, i) => 1 + i);
export const INTEGER_FIELDS = Array.from({ length: 11 }, (_, i) => 100 + i);

export const OPTIONS_SIZE = () => koffi.sizeof("syncshell_options");
export const LINK_REPORT_SIZE = () => koffi.sizeof("syncshell_link_report");
export const ICE_SERVER_SIZE = () => koffi.sizeof("syncshell_ice_server");
export const FILE_SIZE = () => koffi.sizeof("syncshell_file");
export const decodeRanges = (pointer, count) => (count > 0 ? koffi.decode(pointer, "syncshell_range", count) : []);

export function loadLibrary(path) {
  return declare(koffi.load(path));
}

// What waits for descriptors, and what ends the wait.
export function loadSystem() {
  const lib = koffi.load("libc.so.6");
  koffi.struct("pollfd", { fd: "int", events: "short", revents: "short" });
  return {
    poll: lib.func("int poll(_Inout_ pollfd *fds, unsigned long count, int timeout)"),
    eventfd: lib.func("int eventfd(unsigned int initial, int flags)"),
    eventfdWrite: lib.func("int eventfd_write(int fd, uint64_t value)"),
  };
}
