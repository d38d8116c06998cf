"""The bugs that the tests must find. Each breaks one promise (tests/README.md) in one place of the sources. Those planted against owners'
orders and recovery codes stand in orders.py, those in what surrounds the core in surroundings.py."""

from mutation import APP, CLIENT, CORE, STORE, SYNC, TRANSPORT, WIRE, Mutation
from orders import ORDERS
from surroundings import SURROUNDINGS

MUTATIONS = [
    *ORDERS,
    *SURROUNDINGS,

    # --- P1 routed or told -------------------------------------------------------------------------------------------
    Mutation(
        "trust_source_peer_id", "P1", "whoever a header names as its sender is believed", CORE + "route.c",
        "if (strcmp(m->source_peer_id.text, r->connection->peer_id.text) != 0) {",
        "if (false) {",
        ["core_attempt"]),
    Mutation(
        "stranger_signals_in_a_session", "P1", "any member sends into a session of two others", CORE + "route.c",
        "if (session_side_of(session, m->source_peer_id.text) == SESSION_SIDE_NONE ||",
        "if (false ||",
        ["core_attempt"]),
    Mutation(
        "undeliverable_is_not_told", "P1", "a held frame expires and its sender hears nothing", CORE + "attempt.c",
        "    emit(a, CORE_EVENT_UNDELIVERABLE, f->type, code);\n",
        "    emit(a, CORE_EVENT_UNDELIVERABLE, f->type, code);\n    return;\n",
        ["core_holding"]),
    Mutation(
        "holding_is_not_told", "P1", "a frame is held and its sender hears nothing", CORE + "attempt.c",
        "    emit(a, CORE_EVENT_HELD, f->type, WIRE_CODE_NONE);\n",
        "    emit(a, CORE_EVENT_HELD, f->type, WIRE_CODE_NONE);\n    return;\n",
        ["core_holding"]),
    Mutation(
        "handed_to_the_dead", "P1", "what lay in a lost connection's queue counts as delivered", CORE + "attempt.c",
        "            f->handed = false;",
        "            f->handed = true;",
        ["core_holding"]),
    Mutation(
        "join_without_proof", "P1", "who does not have the group's key is let in", CORE + "join.c",
        "enum wire_code code = proof_check_join(c, s, &j->message);",
        "enum wire_code code = WIRE_CODE_NONE;",
        ["core_membership"]),
    Mutation(
        "join_with_an_old_key", "P1", "the key's epoch is not compared", CORE + "proof.c",
        "    if (m->key_epoch != s->key_epoch)\n",
        "    if (false)\n",
        ["core_owner"]),
    Mutation(
        "removed_member_returns", "P1", "the owner's removal is not remembered", STORE + "op_member.c",
        "    if (statement_int(st, 1))\n        op->code = WIRE_CODE_MEMBER_REMOVED;",
        "    if (false)\n        op->code = WIRE_CODE_MEMBER_REMOVED;",
        ["store_owner"]),
    Mutation(
        "owner_without_signature", "P1", "an owner's operation is taken unsigned", CORE + "owner.c",
        "return proof_check_owner(r->connection, r->message->type, m);",
        "return WIRE_CODE_NONE;",
        ["core_owner"]),
    Mutation(
        "owner_signature_without_nonce", "P1", "an owner's operation is valid on other connections, too",
        WIRE + "challenge.c",
        "{owner_domain(type),      relay_id, nonce,",
        "{owner_domain(type),      relay_id, \"\",",
        ["core_owner", "wire_lines"]),
    Mutation(
        "owner_operation_replayed", "P1", "an owner's operation of long ago is done again", STORE + "op_owner.c",
        "} else if (op->owner_sequence != sequence + 1) {",
        "} else if (op->owner_sequence > sequence + 1) {",
        ["store_owner"]),
    Mutation(
        "foreign_origin", "P1", "a signature that was made for another relay's name is taken", CORE + "proof.c",
        "if (!origin_allowed(&core->config, m->origin))",
        "if (false)",
        ["core_handshake"]),

    # --- P2 stored means stored --------------------------------------------------------------------------------------
    Mutation(
        "ack_before_commit", "P2", "stored is answered when the operation is handed to the store", CORE + "request.c",
        "    r->connection->n_pending++;\n    op_issue(r->core, op);",
        "    r->connection->n_pending++;\n    reply_outcome(r->connection, op);\n    op_issue(r->core, op);",
        ["core_session", "core_inbox", "sim"]),
    Mutation(
        "ack_without_commit", "P2", "a commit that fails is answered as if it had not", STORE + "batch.c",
        "        r = db_commit(db);",
        "        (void)db_commit(db);",
        ["store_full", "store_commit"]),
    Mutation(
        "store_without_sync", "P2", "a commit is in the kernel's memory only", STORE + "db.c",
        "PRAGMA synchronous = FULL;",
        "PRAGMA synchronous = OFF;",
        ["store_commit"]),
    Mutation(
        "journal_without_sync", "P2", "the client's commit is in the kernel's memory only",
        "shared/transport/journal.c",
        "PRAGMA synchronous = FULL;",
        "PRAGMA synchronous = OFF;",
        ["transport_journal", "crash/clients"]),
    Mutation(
        "tell_before_journal", "P2", "the client shows what its journal does not have yet", CLIENT + "effect.c",
        "if (f->after_batch > e->committed)",
        "if (false)",
        ["client_effect", "crash/clients"]),
    Mutation(
        "stale_version", "P2", "progress that does not know the newest entry is appended", STORE + "op_entry.c",
        "if (op->base_version != head->version)",
        "if (op->base_version > head->version)",
        ["store_session"]),
    Mutation(
        "progress_twice", "P2", "a repeated SessionProgress is a new entry", STORE + "op_entry.c",
        "r = log_head_find_version(db, head, op, &version);",
        "version = 0;\n    r = OP_E_MISSING;",
        ["store_session"]),
    Mutation(
        "sync_before_the_last_piece", "P2", "a sync does not wait for what was put together", STORE + "wal_file.c",
        "    int rc = put_out(w);\n\n    return rc == SQLITE_OK ? w->real->pMethods->xSync(w->real, flags) : rc;",
        "    return w->real->pMethods->xSync(w->real, flags);",
        ["store_commit", "store_session"]),
    Mutation(
        "a_head_outlives_its_session", "P2", "what ends a session is not noticed by the next entry", STORE + "batch.c",
        "    if (!op_kind(op)->spares_heads || r < 0)\n        log_heads_forget(db);\n",
        "",
        ["store_log", "store_session"]),
    Mutation(
        "a_head_outlives_others_changes", "P2", "what another connection committed is not noticed", STORE + "log_head.c",
        "    if (db->log_heads && data_version(db) != db->log_heads->data_version)\n        log_heads_forget(db);\n",
        "",
        ["store_log"]),
    Mutation(
        "a_head_stays_ahead", "P2", "of an entry the session's row does not learn", STORE + "batch.c",
        "    return write_heads(db);\n}\n\n/* Everything",
        "    return 0;\n}\n\n/* Everything",
        ["store_log", "store_session"]),
    Mutation(
        "half_an_entry", "P2", "an entry that breaks after its first write leaves that write behind", STORE + "batch.c",
        "    if (changes_by_ops(db) != before || !db_in_transaction(db))\n        return BATCH_E_AGAIN;\n",
        "",
        ["store_commit"]),
    Mutation(
        "message_twice", "P2", "a repeated messageId is a new message", STORE + "op_inbox.c",
        "r = message_find_seq(db, op, target.id, &op->ret_seq);",
        "r = OP_E_MISSING;",
        ["store_inbox"]),
    Mutation(
        "inbox_backwards", "P2", "a stored inbox is read from its end", STORE + "op_inbox.c",
        "AND frame IS NOT NULL ORDER BY seq\";",
        "AND frame IS NOT NULL ORDER BY seq DESC\";",
        ["store_inbox"]),
    Mutation(
        "inbox_overtaken", "P2", "a new message is delivered before older ones that wait", CORE + "inbox.c",
        "bool caught_up = target->membership->sent_seq == op->ret_seq - 1;",
        "bool caught_up = true;",
        ["core_inbox", "sim"]),
    Mutation(
        "ack_deletes_nothing", "P2", "an acknowledged message stays in the inbox", STORE + "op_inbox.c",
        "r = inbox_retire(db, row.id, op->seq);",
        "r = 0;",
        ["store_inbox"]),
    Mutation(
        "ack_of_the_future", "P2", "what was never delivered can be acknowledged", CORE + "inbox.c",
        "if (m->inbox_seq > r->membership->member->inbox_head) {",
        "if (false) {",
        ["core_inbox"]),
    Mutation(
        "cursor_of_another_store", "P2", "the store's epoch is not compared", CORE + "inbox.c",
        "bool usable = strcmp(join->store_epoch.text, core->config.store_epoch.text) == 0 &&",
        "bool usable = true &&",
        ["core_inbox"]),
    Mutation(
        "client_takes_twice", "P2", "a message that is delivered again is applied again", CLIENT + "receive.c",
        "if (!y || m->inbox_delivery.inbox_seq <= y->inbox_cursor)",
        "if (!y)",
        ["client_recovery_provider"]),
    Mutation(
        "sweep_takes_live_sessions", "P2", "a session that has not expired is swept", STORE + "op_sweep.c",
        "WHERE state = 'open' AND expires_unix_ms <= ? LIMIT ?)\"",
        "WHERE state = 'open' AND 0 <= ? LIMIT ?)\"",
        ["store_sweep"]),
    Mutation(
        "progress_prolongs_nothing", "P2", "a session expires in the midst of its transfer", STORE + "op_entry.c",
        "        r = session_prolong(db, op, head);\n",
        "        r = 0;\n",
        ["store_session", "store_sweep"]),
    Mutation(
        "a_flag_is_left_out", "P2", "a repeated request is answered as a new one", "shared/wire/plain_header.c",
        "? \"true\" : \"false\"",
        "? \"false\" : \"false\"",
        ["wire_plain_header"]),

    # --- P3 clients may die ------------------------------------------------------------------------------------------
    Mutation(
        "joiner_forgets_retries", "P3", "the first failed attempt is the last", CLIENT + "attempt.c",
        "s->retry_us = more ? time_add_ms(e->now_us, delay_ms) : TIME_NEVER_US;",
        "s->retry_us = TIME_NEVER_US;",
        ["client_retry"]),
    Mutation(
        "what_is_not_listed_rests", "P3", "of more open sessions than a list holds the last are not resumed", CLIENT + "reconcile.c",
        "    if (s->phase == SESSION_OPENED)\n        session_tell_open(s);\n}\n\nstatic void visit_known",
        "}\n\nstatic void visit_known",
        ["client_unlisted"]),
    Mutation(
        "one_retry_too_many", "P3", "manual recovery is told one attempt late", CLIENT + "attempt.c",
        "s->n_failures >= FAILURES_MAX)\n        tell_manual",
        "s->n_failures > FAILURES_MAX)\n        tell_manual",
        ["client_retry"]),
    Mutation(
        "return_goes_unnoticed", "P3", "the other side is back and no attempt is made", CLIENT + "attempt.c",
        "    offer_again(s);\n    attempt_now(s);",
        "    offer_again(s);",
        ["client_retry", "sim"]),
    Mutation(
        "offer_dies_with_its_relay", "P3", "an offer that a dead relay held is waited for", CLIENT + "attempt.c",
        "s->attempt.stage == ATTEMPT_OFFERED && s->attempt.interrupted)",
        "s->attempt.stage == ATTEMPT_OFFERED && s->attempt.interrupted && !s->joiner)",
        ["client_retry"]),
    Mutation(
        "relay_death_is_a_failure", "P3", "an attempt that the relay's absence ended is counted", CLIENT + "attempt.c",
        "        if (!interrupted) {",
        "        {",
        ["client_retry"]),
    Mutation(
        "return_gets_one_attempt", "P3", "whoever comes back late is tried once", CLIENT + "attempt.c",
        "    s->n_retries = 0;\n    retry_now(s);",
        "    retry_now(s);",
        ["client_retry"]),
    Mutation(
        "restart_recovers_nothing", "P3", "a restarted client waits for a command", CLIENT + "session.c",
        "            s->restore_after = 0;\n        session_begin_episode(s);",
        "            s->restore_after = 0;",
        ["client_session", "sim"]),
    Mutation(
        "damaged_file_is_kept", "P3", "a hash that does not match is taken for one that does", CLIENT + "delta.c",
        "return str_equal_nocase(a->hash, b->hash);",
        "return true;",
        ["client_delta"]),
    Mutation(
        "hashes_by_case", "P3", "a file comes again because its hash is in capitals", CLIENT + "delta.c",
        "return str_equal_nocase(a->hash, b->hash);",
        "return str_equal(a->hash, b->hash);",
        ["client_delta"]),

    # --- P4 one live attempt -----------------------------------------------------------------------------------------
    Mutation(
        "skip_the_generation_check", "P4", "answers and candidates of any generation are routed", CORE + "route.c",
        "if (!live || m->generation != live->generation)",
        "if (!live)",
        ["core_attempt", "sim"]),
    Mutation(
        "both_offers_win", "P4", "of two offers at once the later takes the place of the first", CORE + "route.c",
        "        return WIRE_CODE_GLARE_LOST;",
        "        return attempt_start(session, side, m, frame);",
        ["core_attempt", "sim"]),
    Mutation(
        "generation_may_jump", "P4", "one forged offer uses all generations up", CORE + "route.c",
        "if (m->generation - current > WIRE_GENERATION_JUMP_MAX)",
        "if (false)",
        ["core_attempt"]),
    Mutation(
        "answered_twice", "P4", "a second answer is routed", CORE + "attempt.c",
        "    if (a->answered)\n",
        "    if (false)\n",
        ["core_attempt"]),
    Mutation(
        "replay_an_old_offer", "P4", "a held offer is delivered after it has expired", CORE + "attempt.c",
        "|| f->handed || f->expires_us <= core->now_us)",
        "|| f->handed)",
        ["core_holding"]),
    Mutation(
        "held_offer_outlives_its_successor", "P4", "a superseded offer is delivered", CORE + "attempt.c",
        "    attempt_end(session->attempt, WIRE_CODE_SUPERSEDED);\n",
        "",
        ["core_holding", "core_attempt", "sim"]),
    Mutation(
        "generation_is_not_stored", "P4", "after a restart the relay takes old offers for new ones", CORE + "session.c",
        "if (!raise_is_due(session) || session->raise_timer.armed)",
        "if (true)",
        ["core_attempt", "sim"]),
    Mutation(
        "stored_generation_falls", "P4", "a late raise lowers the stored generation", STORE + "op_session.c",
        "generation = max(generation, ?)",
        "generation = ?",
        ["store_session"]),
    Mutation(
        "client_takes_an_old_answer", "P4", "the client takes an old attempt's answer", CLIENT + "attempt.c",
        "a->stage == ATTEMPT_NEEDED || a->generation != generation)\n        return false;",
        "a->stage == ATTEMPT_NEEDED)\n        return false;",
        ["client_attempt"]),
    Mutation(
        "client_takes_an_old_offer", "P4", "the client takes an offer older than what it knows", CLIENT + "attempt.c",
        "return generation >= s->generation &&",
        "return",
        ["client_attempt"]),
    Mutation(
        "client_forgets_its_generation", "P4", "a client that is killed numbers its offers again", CLIENT + "attempt.c",
        "    s->generation = generation;\n    record_put_session(s);",
        "    s->generation = generation;",
        ["client_attempt", "sim"]),

    # --- P5 blind ----------------------------------------------------------------------------------------------------
    Mutation(
        "seal_without_generation", "P5", "a sealed offer can be moved to another attempt", WIRE + "seal.c",
        "recovery_session_id,     generation_text, version_text,",
        "recovery_session_id,     \"0\", version_text,",
        ["wire_lines", "client_attempt"]),
    Mutation(
        "seal_without_version", "P5", "the relay can reorder a log and nobody notices", WIRE + "seal.c",
        "recovery_session_id,     generation_text, version_text,",
        "recovery_session_id,     generation_text, \"0\",",
        ["wire_lines", "client_restore"]),
    Mutation(
        "clear_body_is_taken", "P5", "what anybody may have written is opened as if sealed", CLIENT + "envelope.c",
        "if (format != BODY_FORMAT_SEALED)",
        "if (false)",
        ["client_attempt", "client_recovery_provider", "client_restore"]),

    # --- P6 bounded --------------------------------------------------------------------------------------------------
    Mutation(
        "forget_the_refund", "P6", "what a connection's queue was charged for is never given back",
        CORE + "connection.c",
        "    refund_queue(c);\n    return frame;",
        "    return frame;",
        ["core_charges"]),
    Mutation(
        "dropped_charge_stays", "P6", "an account is not zero when its owner goes", CORE + "account.c",
        "        return;\n    set_amount(c, 0);",
        "        return;",
        ["core_account"]),
    Mutation(
        "guesses_are_not_counted", "P6", "the group's key may be guessed for ever", CORE + "join.c",
        "    if (code == WIRE_CODE_BAD_PROOF)\n        guess_failed(c);\n",
        "",
        ["core_guess"]),
    Mutation(
        "throttle_is_not_asked", "P6", "who has guessed too often may guess on", CORE + "guess.c",
        "    if (wait_ms == 0)\n",
        "    if (wait_ms < UINT32_MAX)\n",
        ["core_guess"]),
    Mutation(
        "refusals_are_free", "P6", "a peer makes the relay refuse as fast as it can", CORE + "reply.c",
        "if (!rate_take(payers->address, payers->peer, RATE_REFUSALS, 1, &refusal))",
        "if (false)",
        ["core_guess"]),
    Mutation(
        "closed_logs_are_not_counted_anew", "P6", "what an old count left of the pool is given away twice", STORE + "batch.c",
        "{op_close_session, WRITES, false, false}",
        "{op_close_session, WRITES, true, false}",
        ["store_share"]),
    Mutation(
        "slow_reader_is_kept", "P6", "a slow reader loses frames and stays", CORE + "connection.c",
        "        connection_close(c, WIRE_CODE_SLOW_READER);\n",
        "",
        ["core_limits"]),
    Mutation(
        "a_byte_too_many", "P6", "a body may be larger than the limit", WIRE + "message_header.c",
        "if (body_size > limits->body_bytes)",
        "if (body_size > limits->body_bytes + 1)",
        ["wire_message"]),
    Mutation(
        "a_byte_too_many_of_signal", "P6", "an offer may be larger than the limit", WIRE + "message.c",
        "m->body_size > limits->signal_body_bytes)",
        "m->body_size > limits->signal_body_bytes + 1)",
        ["wire_message"]),
    Mutation(
        "a_byte_too_many_of_header", "P6", "a text frame may be larger than the limit", WIRE + "message_header.c",
        "if (frame_size > limits->header_bytes)",
        "if (frame_size > limits->header_bytes + 1)",
        ["wire_message"]),
    Mutation(
        "duplicate_keys", "P6", "a header says two things at once", WIRE + "strict_json.c",
        "json_loadb(data, size, JSON_REJECT_DUPLICATES, &error)",
        "json_loadb(data, size, 0, &error)",
        ["wire_examples"]),
    Mutation(
        "a_candidate_too_many", "P6", "one more candidate than the limit is kept", CORE + "attempt.c",
        "if (a->n_candidates[side] >= ATTEMPT_CANDIDATES_MAX)",
        "if (a->n_candidates[side] > ATTEMPT_CANDIDATES_MAX)",
        ["core_holding"]),
    Mutation(
        "a_message_too_many", "P6", "one more message than the limit is held", STORE + "op_inbox.c",
        "share_fits(op->limit_rows, room->rows, own_rows, 1)",
        "share_fits(op->limit_rows, room->rows, own_rows, 0)",
        ["store_inbox"]),
    Mutation(
        "a_syncshell_too_many", "P6", "one more syncshell than the limit is created", STORE + "op_syncshell.c",
        "if (statement_uint(st, 0) >= op->limit_rows)",
        "if (statement_uint(st, 0) > op->limit_rows)",
        ["store_share"]),
    Mutation(
        "one_sender_fills_an_inbox", "P6", "a member may fill another's inbox alone", STORE + "op_inbox.c",
        "if (r == 0 && !inbox_fits(op, &room, own_rows, own_bytes))",
        "if (r == 0 && !inbox_fits(op, &room, 0, 0))",
        ["store_inbox"]),
    Mutation(
        "one_sender_fills_all_inboxes", "P6", "a member may fill all inboxes of a syncshell alone",
        STORE + "op_inbox.c",
        "share_fits(op->pool_bytes, room->pool_bytes, room->sender_bytes, op->frame->size)",
        "share_fits(op->pool_bytes, room->pool_bytes, 0, op->frame->size)",
        ["store_inbox"]),
    Mutation(
        "a_former_member_s_inbox_counts_on", "P6", "what a member that is gone had in its inbox takes room for ever",
        STORE + "op_member.c",
        "DELETE FROM inbox_message WHERE target = ?",
        "DELETE FROM inbox_message WHERE target = -?",
        ["store_inbox"]),
    Mutation(
        "one_peer_opens_all_sessions", "P6", "a member may open all of a syncshell's sessions", STORE + "op_session.c",
        "if (r == 0 && !share_fits(op->limit_rows, n_open, n_own, 1))",
        "if (r == 0 && !share_fits(op->limit_rows, n_open, 0, 1))",
        ["store_share"]),
    Mutation(
        "a_session_too_many", "P6", "one more session than the limit is opened", STORE + "op_session.c",
        "n_open >= op->limit_rows)",
        "n_open > op->limit_rows)",
        ["store_session"]),
    Mutation(
        "one_peer_s_logs_take_all", "P6", "a member's logs may take all of a syncshell's room", STORE + "op_entry.c",
        "!share_fits(op->pool_bytes, all, own, wants - has)",
        "!share_fits(op->pool_bytes, all, 0, wants - has)",
        ["store_share"]),

    Mutation(
        "codes_guessed_all_at_once", "P6", "any number of codes is looked at before the first wrong one counts",
        CORE + "guess.c",
        "if (!throttle_has_room(&address->throttle, config, c->core->now_us)) {",
        "if (false) {",
        ["core_recovery_code"]),
    Mutation(
        "guesses_without_waiting", "P6", "who is gone before its wrong code is answered is not slowed down for it",
        CORE + "recovery_code.c",
        "guess_judged(core, op, op->code == WIRE_CODE_WRONG_RECOVERY_CODE);",
        "guess_judged(core, op, c && op->code == WIRE_CODE_WRONG_RECOVERY_CODE);",
        ["core_recovery_code"]),
    Mutation(
        "proofs_guessed_all_at_once", "P6", "proofs that waited together are all looked at",
        CORE + "join.c",
        "    struct refusal refusal;\n    if (guess_refused(c, &refusal)) {\n        const",
        "    struct refusal refusal;\n    if (false && guess_refused(c, &refusal)) {\n        const",
        ["core_guess"]),
    Mutation(
        "everybody_is_a_proxy", "P6", "who is no proxy says in a header whose account pays for it",
        APP + "proxy.c",
        "            return true;\n    return false;\n}\n\n/* ---- the header ---- */",
        "            return true;\n    return true;\n}\n\n/* ---- the header ---- */",
        ["app_proxy"]),
    Mutation(
        "held_for_nothing", "P6", "offers that are held for somebody who is away are charged to nobody",
        CORE + "attempt.c",
        "sender ? connection_payers(sender) : &nobody",
        "sender ? &nobody : &nobody",
        ["core_charges"]),
    Mutation(
        "forwarded_for_from_the_left", "P6", "a client says in a header which address its doings are charged to",
        APP + "proxy.c",
        "left != SIZE_MAX && proxies_trust(p, &hop);)",
        "left != SIZE_MAX;)",
        ["app_proxy"]),
    Mutation(
        "code_without_an_end", "P6", "a recovery code can be redeemed when its time is over",
        STORE + "op_recovery_code.c",
        "!code->newest || code->expires_unix_ms <= op->now.unix_ms;",
        "!code->newest;",
        ["store_recovery_code"]),
    Mutation(
        "clock_revives_a_code", "P6", "a clock that is set back makes a code that was replaced good again",
        STORE + "op_recovery_code.c",
        "!code->newest || code->expires_unix_ms <= op->now.unix_ms;",
        "code->expires_unix_ms <= op->now.unix_ms;",
        ["store_recovery_code"]),
    Mutation(
        "code_used_twice", "P2", "a recovery code hands the session over to one after another",
        STORE + "op_recovery_code.c",
        "if (*code->redeemed_by.text && !again)",
        "if (false)",
        ["store_recovery_code"]),
    Mutation(
        "older_codes_stay", "P6", "every code that was ever made for a session opens it", STORE + "op_recovery_code.c",
        "    r = codes_end(db, op, row.id);\n    if (r == 0)\n        r = code_insert",
        "    if (r == 0)\n        r = code_insert",
        ["store_recovery_code"]),
    Mutation(
        "anybody_makes_codes", "P1", "the provider hands the joiner's session over", STORE + "op_recovery_code.c",
        "int r = session_find_open(db, op, SESSION_PART_JOINER, &row);",
        "int r = session_find_open(db, op, SESSION_PART_SIDE, &row);",
        ["store_recovery_code"]),
    Mutation(
        "codes_may_be_guessed", "P6", "a wrong recovery code slows nobody down", CORE + "recovery_code.c",
        "guess_judged(core, op, op->code == WIRE_CODE_WRONG_RECOVERY_CODE);",
        "guess_judged(core, op, false);",
        ["core_recovery_code"]),
    Mutation(
        "moved_and_not_told", "P1", "the sides do not hear who has the session now", CORE + "recovery_code.c",
        "if (!op->duplicate && session) {",
        "if (false) {",
        ["core_recovery_code"]),
    Mutation(
        "rotation_shuts_nobody_out", "P1", "who does not know the new key stays", CORE + "owner.c",
        "        readmit_nobody(s);\n        emit(core, CORE_EVENT_KEY_ROTATED, op, &op->peer_id);\n",
        "        emit(core, CORE_EVENT_KEY_ROTATED, op, &op->peer_id);\n",
        ["core_owner"]),
    Mutation(
        "order_carried_out_twice", "P2", "a repeated order changes what is in memory once more", CORE + "owner.c",
        "if (op->code != WIRE_CODE_NONE || op->duplicate)\n        return false;",
        "if (op->code != WIRE_CODE_NONE)\n        return false;",
        ["core_owner"]),
    Mutation(
        "owner_s_order_forgotten", "P3", "an order is sent before it is on the disk, under a number that is forgotten",
        CLIENT + "owner.c",
        "        op->sequence = y->owner_sequence + 1;\n        record_put_syncshell(y);\n",
        "        op->sequence = y->owner_sequence + 1;\n",
        ["client_owner"]),
    Mutation(
        "close_answered_twice", "P7", "a close that was refused fails once more", CLIENT + "session.c",
        "        s->ticket = ticket ? 0 : s->ticket;\n",
        "",
        ["client_ending", "client_random"]),
    Mutation(
        "request_answered_twice", "P7", "a recovery request that was refused fails once more", CLIENT + "recovery.c",
        "    s->request_ticket = ticket ? 0 : s->request_ticket;\n",
        "",
        ["client_recovery_joiner"]),
    Mutation(
        "answer_to_a_later_request", "P7", "a later command for a recovery has the answer to a former request", CLIENT + "recovery.c",
        "uint64_t ticket = r->ticket == s->request_ticket ? r->ticket : 0;",
        "uint64_t ticket = r->ticket ? s->request_ticket : 0;",
        ["client_recovery_joiner"]),
    Mutation(
        "old_syncshell_forgotten", "P3", "a syncshell is forgotten because a command to join it once more failed", CLIENT + "syncshell.c",
        "    return y->ticket != 0 && !*y->store_epoch.text;\n",
        "    return y->ticket != 0;\n",
        ["client_behind"]),
    Mutation(
        "receipt_without_an_office", "P3", "an event that was taken is never reported as taken",
        TRANSPORT + "receipt.c",
        "        list_append(&r->handed_in, &receipt->node);\n",
        "        free(receipt);\n",
        ["transport_receipt"]),
    Mutation(
        "path_out_of_the_folder", "P1", "a sharer writes beside the folder", SYNC + "path.c",
        "return length > 0 && length <= PATH_NAME_BYTES_MAX && name[length - 1] != '.' &&",
        "return length > 0 && length <= PATH_NAME_BYTES_MAX &&",
        ["sync_path"]),

    # --- P7 explainable ----------------------------------------------------------------------------------------------
    Mutation(
        "report_of_an_old_generation", "P7", "a late report changes the cause of a newer attempt",
        STORE + "op_report.c",
        "AND (cause_generation < ?2 OR (cause_generation = ?2\"",
        "AND (cause_generation <> ?2 OR (cause_generation = ?2\"",
        ["store_report"]),
    Mutation(
        "last_report_wins", "P7", "the cause depends on whose report came last", STORE + "op_report.c",
        "AND (cause = '' OR cause_peer_id = ?3 OR ?1 = '')",
        "AND (cause = '' OR cause_peer_id IS NOT NULL OR ?1 = '')",
        ["store_report"]),
    Mutation(
        "cause_is_not_announced", "P7", "the other side does not hear the cause", CORE + "report.c",
        "    if (judged || failed_generation != 0)\n",
        "    if (failed_generation != 0 && false)\n",
        ["core_report"]),
    Mutation(
        "failure_is_told_by_a_new_cause_only", "P7", "who waits for a failed attempt hears of it only if the cause is new", CORE + "report.c",
        "    if (judged || failed_generation != 0)\n",
        "    if (judged)\n",
        ["core_report"]),
    Mutation(
        "repeated_code_is_young_again", "P2", "a recovery code that is issued again counts as new", STORE + "op_recovery_code.c",
        "        op->expires_unix_ms = code->expires_unix_ms;\n",
        "",
        ["store_recovery_code"]),
    Mutation(
        "closed_for_unknown", "P7", "session_closed is said of a session that never was", CORE + "session_request.c",
        "    if (!session)\n        code = WIRE_CODE_UNKNOWN_SESSION;",
        "    if (!session)\n        code = WIRE_CODE_SESSION_CLOSED;",
        ["core_session"]),
    Mutation(
        "joined_syncshell_expires", "P2", "a syncshell expires whose members are joined, when the disk was full", CORE + "expiry.c",
        "            days = 0;\n",
        "            (void)days;\n",
        ["core_expiry"]),
    Mutation(
        "expires_a_day_early", "P2", "a syncshell expires a day too early", STORE + "op_tombstone.c",
        "\" WHERE used_day < ? AND",
        "\" WHERE used_day <= ? AND",
        ["store_sweep"]),
    Mutation(
        "expired_soon_unknown", "P7", "an expired syncshell is unknown to whoever comes back the day after", STORE + "op_tombstone.c",
        "return expired && late > end ? late : end;",
        "return end;",
        ["store_sweep"]),
    Mutation(
        "expired_for_closed", "P7", "session_closed is said of a session that nobody closed", CORE + "store_op.c",
        "               ? WIRE_CODE_SESSION_EXPIRED\n",
        "               ? WIRE_CODE_SESSION_CLOSED\n",
        ["core_session", "store_sweep"]),
    Mutation(
        "tombstone_swept_at_once", "P7", "a closed session is unknown after the next sweep", STORE + "op_sweep.c",
        "\" state = 'closed' AND expires_unix_ms <= ? LIMIT ?)\";",
        "\" state = 'closed' AND 0 <= ? LIMIT ?)\";",
        ["store_sweep"]),
    Mutation(
        "tombstone_forgotten", "P7", "a closed session is unknown after the next join", CORE + "session.c",
        "        if (session->expires_unix_ms <= now_ms)\n",
        "        if (true)\n",
        ["core_session"]),
]
