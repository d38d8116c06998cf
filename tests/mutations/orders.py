"""Bugs planted in what owners order and what recovery codes do."""

from mutation import CLIENT, CORE, STORE, Mutation

ORDERS = [
    Mutation(
        "anybody_gives_orders", "P1", "any member gives the owner's orders",
        STORE + "op_owner.c",
        "    } else if (!statement_int(st, 2)) {\n        op->code = WIRE_CODE_NOT_OWNER;\n",
        "",
        ["store_owner"]),
    Mutation(
        "strangers_orders_reach_the_disk", "P6", "whoever gives orders, the disk has to say that they are no owner",
        CORE + "owner.c",
        "if (!owner && m->owner_sequence != s->owner_sequence)",
        "if (false && !owner)",
        ["core_owner"]),
    Mutation(
        "owner_removes_itself", "P1", "an owner may remove itself, and nobody owns the syncshell",
        CORE + "owner.c",
        "if (r->message->type == MESSAGE_REMOVE_MEMBER && str_equal(m->peer_id.text, self))",
        "if (false && str_equal(m->peer_id.text, self))",
        ["core_owner"]),
    Mutation(
        "removed_member_stays", "P1", "who is removed stays connected and joined",
        CORE + "owner.c",
        "        leave_member_gone(s, &op->target_peer_id, &op->cause, op->expires_unix_ms);\n",
        "",
        ["core_owner", "sim"]),
    Mutation(
        "removed_member_is_not_told", "P1", "who is removed does not hear of it",
        CORE + "owner.c",
        "            membership_say_ended(m->membership, WIRE_CODE_MEMBER_REMOVED);\n",
        "            (void)m;\n",
        ["core_owner"]),
    Mutation(
        "removed_before_its_commit", "P2", "a removal that the disk refused takes effect all the same",
        CORE + "owner.c",
        "if (op->code != WIRE_CODE_NONE || op->duplicate)\n        return false;\n    s->owner_sequence",
        "if (op->duplicate)\n        return false;\n    s->owner_sequence",
        ["core_owner", "sim"]),
    Mutation(
        "rotated_key_is_not_taken_over", "P1", "after a rotation the old key still proves membership",
        CORE + "owner.c",
        "    if (is_news(s, op)) {\n        s->group_public_key = op->group_public_key;\n",
        "    if (is_news(s, op)) {\n",
        ["core_owner", "sim"]),
    Mutation(
        "rotated_epoch_is_not_taken_over", "P1", "after a rotation the key's number is that of before",
        CORE + "owner.c",
        "        s->key_epoch = op->key_epoch;\n        readmit_nobody(s);\n        emit",
        "        readmit_nobody(s);\n        emit",
        ["core_owner", "sim"]),
    Mutation(
        "rotation_keeps_what_is_held", "P4", "offers sealed under the old key are delivered after a rotation",
        CORE + "owner.c",
        "        attempt_end(container_of(n, struct attempt, node), WIRE_CODE_SUPERSEDED);\n",
        "        (void)n;\n",
        ["core_owner"]),
    Mutation(
        "shut_out_in_silence", "P1", "the others are not told that who lacks the new key is away",
        CORE + "owner.c",
        "        if (m->shut_out)\n            syncshell_announce(s, &m->peer_id, PRESENCE_AWAY);\n",
        "        (void)m;\n",
        ["core_owner", "sim"]),
    Mutation(
        "back_in_silence", "P3", "who comes back within the grace is not announced, and whoever had given up on it does not begin again",
        CORE + "join.c",
        "    timer_cancel(&s->core->timers, &m->away_timer);\n",
        "    bool known = m->away_timer.armed;\n    timer_cancel(&s->core->timers, &m->away_timer);\n    if (!known)\n        ",
        ["core_presence"]),
    Mutation(
        "another_connection_is_nothing_new", "P3", "a joiner that has given up does not begin again for a provider that never was away",
        CLIENT + "syncshell.c",
        "    if (m->presence == PRESENCE_ONLINE)\n        session_peer_online",
        "    if (m->presence == PRESENCE_ONLINE && before != m->presence)\n        session_peer_online",
        ["client_retry"]),
    Mutation(
        "all_are_let_in_in_one_step", "P6", "who waits for a syncshell to be loaded is let in at once with all others, and holds up what is routed",
        CORE + "syncshell.c",
        "    if (code == WIRE_CODE_NONE)\n        list_append(&s->core->arrivals, &s->load_node);\n    else",
        "    if (code == WIRE_CODE_NONE)\n        for (struct join *j = next_join(s); j; j = next_join(s)) {\n"
        "            list_unlink(&j->wait_node);\n            join_continue(j);\n        }\n    else",
        ["core_loading"]),
    Mutation(
        "let_into_what_was_deleted", "P1", "a member that waits to be let in joins a syncshell that was deleted meanwhile",
        CORE + "syncshell.c",
        "    if (s->state == SYNCSHELL_LOADED)\n        join_continue(j);",
        "    if (s->state != SYNCSHELL_LOADING)\n        join_continue(j);",
        ["core_loading"]),
    Mutation(
        "owner_stays_the_same", "P1", "a transfer leaves the order with the former owner until the relay restarts",
        CORE + "owner.c",
        "        s->owner_peer_id = op->target_peer_id;\n",
        "",
        ["core_owner", "sim"]),
    Mutation(
        "new_owner_is_not_announced", "P1", "the members do not hear who owns the syncshell now",
        CORE + "owner.c",
        "            reply_send(container_of(n, struct membership, syncshell_node)->connection, &m);\n",
        "            (void)n;\n",
        ["core_owner"]),
    Mutation(
        "deleted_syncshell_lives_on", "P1", "who is joined to a deleted syncshell stays in it",
        CORE + "owner.c",
        "        syncshell_gone(s, WIRE_CODE_SYNCSHELL_DELETED, c);\n",
        "",
        ["core_owner", "sim"]),
    Mutation(
        "strangers_codes_reach_the_disk", "P6", "the disk has to say that the session is not theirs to hand over",
        CORE + "recovery_code.c",
        "    if (side != SESSION_SIDE_JOINER) {",
        "    if (side == SESSION_SIDE_NONE) {",
        ["core_recovery_code"]),
    Mutation(
        "guessing_codes_is_free", "P6", "who has guessed too often may guess on at codes",
        CORE + "recovery_code.c",
        "    if (!guess_begin(r->connection, &refusal)) {",
        "    if (!guess_begin(r->connection, &refusal) && false) {",
        ["core_recovery_code"]),
    Mutation(
        "code_of_any_syncshell", "P1", "a code's hash is not bound to its syncshell",
        CORE + "recovery_code.c",
        "recovery_code_hashed(&text, r->syncshell_id->text,",
        "recovery_code_hashed(&text, \"\",",
        ["core_recovery_code"]),
    Mutation(
        "code_redeemed_for_nothing", "P1", "a code that the disk refused hands the session over in memory",
        CORE + "recovery_code.c",
        "WRONG_RECOVERY_CODE);\n    if (op->code != WIRE_CODE_NONE)\n        return;\n",
        "WRONG_RECOVERY_CODE);\n",
        ["core_recovery_code", "sim"]),
    Mutation(
        "handed_over_twice", "P4", "a repeated redemption moves the session once more",
        CORE + "recovery_code.c",
        "if (!op->duplicate && session) {\n        session_hand_over",
        "if (session) {\n        session_hand_over",
        ["core_recovery_code"]),
    Mutation(
        "former_joiner_keeps_the_session", "P1", "who handed a session over still signals in it",
        CORE + "session.c",
        "    session->summary.joiner_peer_id = *joiner;\n    session->members[SESSION_SIDE_JOINER] = NULL;\n",
        "    (void)joiner;\n",
        ["core_recovery_code", "sim"]),
    Mutation(
        "former_joiner_s_attempt_lives", "P4", "the former joiner's offer is delivered after the session has moved",
        CORE + "session.c",
        "    attempt_end(session->attempt, WIRE_CODE_SUPERSEDED);\n    session->summary.joiner_peer_id",
        "    session->summary.joiner_peer_id",
        ["core_recovery_code"]),
    Mutation(
        "new_joiner_numbers_again", "P4", "the new joiner's offers have the former one's numbers",
        CORE + "session.c",
        "    session_raise(session, store_session_handed_generation(session->summary.generation));\n",
        "",
        ["core_recovery_code"]),
    Mutation(
        "old_tombstone_shadows_a_session", "P2", "a session is stored, but its id is that of one that memory calls closed",
        CORE + "session_request.c",
        "    if (!op->duplicate)\n        session_free(session_find(s, &op->recovery_session_id));\n",
        "",
        ["core_session"]),
    Mutation(
        "missed_messages_are_not_told", "P2", "who missed a message that expired hears that nothing is missing",
        CORE + "sweep.c",
        "    settle_inboxes(core, op);\n",
        "    (void)settle_inboxes;\n",
        ["core_expiry"]),
    Mutation(
        "new_owner_leaves", "P1", "who asked to leave and became the owner meanwhile leaves a syncshell without one",
        STORE + "op_member.c",
        "    r = member_check_owner(db, op, row.syncshell);\n",
        "    (void)member_check_owner;\n    r = 0;\n",
        ["store_owner"]),
    Mutation(
        "former_joiner_is_not_told", "P1", "who had the session does not hear that it has moved",
        CORE + "session.c",
        "    announce_to(session, session->former.peer_ids[0].text, 0);\n",
        "",
        ["core_recovery_code"]),
    Mutation(
        "owner_s_orders_uncounted", "P2", "an owner's order of long ago is new again after a restart",
        STORE + "op_owner.c",
        "return r < 0 ? r : count_operation(db, op, ret_owned->syncshell, description);",
        "(void)count_operation;\n        return r;",
        ["store_owner"]),
    Mutation(
        "stranger_owns_a_syncshell", "P1", "a syncshell is handed over to somebody who is no member",
        STORE + "op_owner.c",
        "    r = member_find_or(db, op, &op->target_peer_id, WIRE_CODE_UNKNOWN_TARGET, &row);\n    if (r < 0 || op->code != WIRE_CODE_NONE)\n        return r;\n    st = statement_get(db, sql);",
        "    (void)row;\n    st = statement_get(db, sql);",
        ["store_owner"]),
    Mutation(
        "any_epoch_is_the_next", "P1", "a rotation may skip keys, and members can not follow it",
        STORE + "op_owner.c",
        "if (op->key_epoch != owned.key_epoch + 1) {",
        "if (op->key_epoch <= owned.key_epoch) {",
        ["store_owner"]),
]
