// libsyncshell for C#, in one file: copy it into your plugin. What each call and event means is written in
// shared/include/syncshell/syncshell.h and shared/README.md; names here are those with C#'s spelling.
//
// What holds here:
//   - Managed code is never called from native code, and nothing static keeps an object alive: the file works in a load
//     context that is unloaded later. Events are taken, by WaitEvent() on a thread of yours or by RunAsync() on a worker.
//   - An event is copied out of native memory before you get it. It stays valid for as long as you like. Dispose() of a
//     SessionClosed, a RecoveryRequest or a MembershipEnded says that you are done with it: until then it is told again at
//     the next start. RunAsync() does that when the handler has returned; who takes events by hand does it by hand.
//   - Every method may be called from any thread. Dispose() ends all waits first: when it returns, no thread of the
//     library and no loop of this file runs any more, and the library may be unloaded.
//   - What the library refuses is a SyncshellException with the name of the error.
//
// C# 6 and .NET Framework 4.5, mono or .NET 5 and later, 64 bits. Tested with mono on Linux; the library has no
// build for Windows yet.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Syncshell
{
    /// <summary>What a call failed with.</summary>
    public enum SyncshellError
    {
        Ok = 0, Argument = -1, NoMemory = -2, Busy = -3, StateDir = -4, StateInUse = -5, StateCorrupt = -6, StateNewer = -7,
        Buffer = -8, Unknown = -9, System = -10, Timeout = -11, Invite = -12, OtherRelay = -13, Stopped = -14,
        Code = -15, Passphrase = -16
    }

    public enum EventType
    {
        RelayConnected = 1, RelayDisconnected, SyncshellCreated, SyncshellJoined, SyncshellReady, SyncshellLeft, PeerPresence,
        SessionOpened, SessionResumed, SessionClosed, OfferNeeded, Offer, Answer, Candidate, SignalHeld, SignalRefused,
        AttemptFailed, ManualRecovery, Recovered, ProgressSaved, ProgressStored, ManifestSaved, RecoveryRequest,
        RecoveryRequested, RecoveryResponse, RequestFailed, Stopped, SessionCause, MembershipEnded, OwnerChanged,
        MemberRemoved, KeyRotated, SyncshellDeleted, IceServers, RecoveryCode, CodeRedeemed, SessionMoved
    }

    /// <summary>The fields of events: texts first, integers from Generation on.</summary>
    public enum Field
    {
        SyncshellId = 1, SessionId, PeerId, JoinerPeerId, ProviderPeerId, OwnerPeerId, Role, Presence, Invite, Label, Sdp,
        SdpMid, Code, Message, Outcome, Cause, RequestId, RecoveryCode,
        Generation = 100, Attempt, RetryMs, HeldMs, TicketUpTo, FilesDone, FilesToSend, Bytes, SdpMLineIndex, Recovered,
        Retryable, IceTtlMs, ValidMs
    }

    public enum Role { Joiner = 1, Provider = 2 }

    public enum Link { Up = 1, Lost = 2, Failed = 3 }

    public enum Outcome { Completed = 1, Failed = 2, Cancelled = 3 }

    [Flags]
    public enum FileFlags { None = 0, Done = 1, Mismatched = 2 }

    /// <summary>The library refused a call. Error and ErrorName ("E_ARGUMENT", ...) say why.</summary>
    public sealed class SyncshellException : Exception
    {
        public SyncshellException(SyncshellError error, string errorName, string call)
            : base(call + ": " + errorName)
        {
            Error = error;
            ErrorName = errorName;
        }

        public SyncshellError Error { get; private set; }
        public string ErrorName { get; private set; }
    }

    /// <summary>What a client is made with. Only StateDir is required; null leaves the library's default.</summary>
    public sealed class SyncshellOptions
    {
        public string StateDir;
        public string RelayUrl;
        public string CaFile;
        public string AccessKey;
        public uint? RetryBaseMs;
        public uint? AttemptTimeoutMs;
        public uint? StopTimeoutMs;
        public uint? EventsMax;
        public string CertificatePin; // or SyncshellClient.PinConnected; "": none any more
    }

    /// <summary>Bytes Begin to End, End not included.</summary>
    public struct ByteRange
    {
        public readonly ulong Begin;
        public readonly ulong End;

        public ByteRange(ulong begin, ulong end)
        {
            Begin = begin;
            End = end;
        }
    }

    /// <summary>A file of a session. Hash and Algorithm are both null or both given; Ranges null: none.</summary>
    public sealed class SyncshellFile
    {
        public string Path;
        public string Hash;
        public string Algorithm;
        public ulong SizeBytes;
        public FileFlags Flags;
        public ByteRange[] Ranges;

        public bool IsDone { get { return (Flags & FileFlags.Done) != 0; } }
        public bool IsMismatched { get { return (Flags & FileFlags.Mismatched) != 0; } }
    }

    /// <summary>A STUN or TURN server for the ICE agent. The credential is a password: keep it nowhere. Both are null when there is
    /// none.</summary>
    public sealed class IceServer
    {
        public string Url { get; internal set; }
        public string Username { get; internal set; }
        public string Credential { get; internal set; }
    }

    /// <summary>One event, independent of the client that it came from. A text that the event does not have is null.</summary>
    public sealed class SyncshellEvent : IDisposable
    {
        private static readonly SyncshellFile[] NoFiles = new SyncshellFile[0];
        private static readonly IceServer[] NoServers = new IceServer[0];
        private readonly Dictionary<Field, string> texts = new Dictionary<Field, string>();
        private readonly Dictionary<Field, ulong> integers = new Dictionary<Field, ulong>();
        private EventHandle kept; // of an event that is told until it is freed; owned

        internal SyncshellEvent(EventHandle native)
        {
            Type = (EventType)Native.syncshell_event_get_type(native);
            TypeName = Native.Text(Native.syncshell_event_type_name((int)Type));
            Ticket = Native.syncshell_event_ticket(native);
            for (Field f = Field.SyncshellId; f <= Field.RecoveryCode; f++)
                CopyText(native, f);
            for (Field f = Field.Generation; f <= Field.ValidMs; f++)
                CopyInteger(native, f);
            Held = CopyFiles(native, Native.FilesHeld);
            Needed = CopyFiles(native, Native.FilesNeeded);
            Mismatched = CopyFiles(native, Native.FilesMismatched);
            IceServers = CopyIceServers(native);
        }

        /// <summary>Copies the event and frees it, unless freeing it means something.</summary>
        internal static SyncshellEvent Take(EventHandle native)
        {
            if (native.IsInvalid)
            {
                native.Dispose();
                return null;
            }
            bool keep = false;
            try
            {
                var copy = new SyncshellEvent(native);
                keep = copy.Type == EventType.SessionClosed || copy.Type == EventType.RecoveryRequest ||
                       copy.Type == EventType.MembershipEnded;
                copy.kept = keep ? native : null;
                return copy;
            }
            finally
            {
                if (!keep)
                    native.Dispose();
            }
        }

        /// <summary>You have done what the event asks for: it will not be told again. Before the client's Dispose(), or it
        /// is. Its texts and numbers stay valid. Other events need none.</summary>
        public void Dispose()
        {
            EventHandle native = Interlocked.Exchange(ref kept, null);
            if (native != null)
                native.Dispose();
        }

        public EventType Type { get; private set; }
        public string TypeName { get; private set; } // "offer_needed", ...
        public ulong Ticket { get; private set; }    // 0: no command's

        public string SyncshellId { get { return Text(Field.SyncshellId); } }
        public string SessionId { get { return Text(Field.SessionId); } }
        public string PeerId { get { return Text(Field.PeerId); } }
        public string Sdp { get { return Text(Field.Sdp); } }
        public string Code { get { return Text(Field.Code); } }
        public ulong Generation { get { return Integer(Field.Generation) ?? 0; } }

        /// <summary>Of RecoveryRequest: what the joiner has.</summary>
        public SyncshellFile[] Held { get; private set; }
        /// <summary>Of RecoveryRequest: what to send. A file without ranges: all of it.</summary>
        public SyncshellFile[] Needed { get; private set; }
        /// <summary>Of RecoveryRequest and RecoveryResponse: these come again from their start.</summary>
        public SyncshellFile[] Mismatched { get; private set; }

        /// <summary>Of OfferNeeded, Offer and IceServers: the one to try first in front; Field.IceTtlMs if they expire.</summary>
        public IceServer[] IceServers { get; private set; }

        public string Text(Field field)
        {
            string text;
            return texts.TryGetValue(field, out text) ? text : null;
        }

        public ulong? Integer(Field field)
        {
            ulong value;
            return integers.TryGetValue(field, out value) ? value : (ulong?)null;
        }

        private void CopyText(EventHandle native, Field field)
        {
            UIntPtr length;
            IntPtr text = Native.syncshell_event_text(native, (int)field, out length);
            if (text != IntPtr.Zero)
                texts[field] = Native.Text(text, checked((int)length.ToUInt64()));
        }

        private void CopyInteger(EventHandle native, Field field)
        {
            ulong value;
            if (Native.syncshell_event_integer(native, (int)field, out value) == 0)
                integers[field] = value;
        }

        private static SyncshellFile[] CopyFiles(EventHandle native, int list)
        {
            int n = checked((int)Native.syncshell_event_file_count(native, list).ToUInt64());
            if (n == 0)
                return NoFiles;
            var files = new SyncshellFile[n];
            for (int i = 0; i < n; i++)
                files[i] = CopyFile(native, list, i);
            return files;
        }

        private static SyncshellFile CopyFile(EventHandle native, int list, int index)
        {
            var file = new NativeFile { Size = (uint)Marshal.SizeOf(typeof(NativeFile)) };
            Native.Check(Native.syncshell_event_file(native, list, (UIntPtr)(uint)index, ref file), "syncshell_event_file");
            return new SyncshellFile
            {
                Path = Native.Text(file.Path),
                Hash = Native.Text(file.Hash),
                Algorithm = Native.Text(file.Algorithm),
                SizeBytes = file.SizeBytes,
                Flags = (FileFlags)file.Flags,
                Ranges = CopyRanges(file.Ranges, checked((int)file.RangeCount.ToUInt64())),
            };
        }

        private static IceServer[] CopyIceServers(EventHandle native)
        {
            int n = checked((int)Native.syncshell_event_ice_server_count(native).ToUInt64());
            if (n == 0)
                return NoServers;
            var servers = new IceServer[n];
            for (int i = 0; i < n; i++)
            {
                var server = new NativeIceServer { Size = (uint)Marshal.SizeOf(typeof(NativeIceServer)) };
                Native.Check(Native.syncshell_event_ice_server(native, (UIntPtr)(uint)i, ref server),
                             "syncshell_event_ice_server");
                servers[i] = new IceServer
                {
                    Url = Native.Text(server.Url),
                    Username = Native.Text(server.Username),
                    Credential = Native.Text(server.Credential),
                };
            }
            return servers;
        }

        private static ByteRange[] CopyRanges(IntPtr ranges, int n)
        {
            if (n == 0)
                return null;
            var numbers = new long[checked(2 * n)];
            Marshal.Copy(ranges, numbers, 0, numbers.Length);
            var copies = new ByteRange[n];
            for (int i = 0; i < n; i++)
                copies[i] = new ByteRange(unchecked((ulong)numbers[2 * i]), unchecked((ulong)numbers[2 * i + 1]));
            return copies;
        }
    }

    /// <summary>A client on one state directory. Commands return a ticket at once; what comes of them are events.</summary>
    public sealed class SyncshellClient : IDisposable
    {
        private const int SliceMs = 100; // how long a wait stays in native code: Dispose() and cancellation wait for its end
        private readonly ClientHandle handle;
        private readonly Waits waits = new Waits();

        public SyncshellClient(SyncshellOptions options)
        {
            if (options == null)
                throw new ArgumentNullException("options");
            using (var memory = new NativeMemory())
            {
                NativeOptions o;
                Native.syncshell_options_init(out o, (uint)Marshal.SizeOf(typeof(NativeOptions)));
                o.StateDir = memory.Text(options.StateDir);
                o.RelayUrl = memory.Text(options.RelayUrl);
                o.CaFile = memory.Text(options.CaFile);
                o.AccessKey = memory.Text(options.AccessKey);
                o.RetryBaseMs = options.RetryBaseMs ?? o.RetryBaseMs;
                o.AttemptTimeoutMs = options.AttemptTimeoutMs ?? o.AttemptTimeoutMs;
                o.StopTimeoutMs = options.StopTimeoutMs ?? o.StopTimeoutMs;
                o.EventsMax = options.EventsMax ?? o.EventsMax;
                o.CertificatePin = memory.Text(options.CertificatePin);
                Native.Check(Native.syncshell_client_new(ref o, out handle), "syncshell_client_new");
            }
        }

        /// <summary>As CertificatePin: the key that the relay shows at the next connection.</summary>
        public const string PinConnected = "connected";

        public static string LibraryVersion { get { return Native.Text(Native.syncshell_version()); } }

        /// <summary>Ends all waits and the library's thread. From within a handler of RunAsync() too: that loop then ends when
        /// the handler returns.</summary>
        public void Dispose()
        {
            waits.End();
            handle.Dispose();
        }

        public string PeerId
        {
            get
            {
                var buffer = new byte[Native.PeerIdSize];
                Native.Check(Native.syncshell_client_peer_id(handle, buffer, (UIntPtr)(uint)buffer.Length),
                             "syncshell_client_peer_id");
                return Native.Text(buffer);
            }
        }

        /// <summary>The invite to a syncshell of this client. It contains the secret: show it to its user only.</summary>
        public string Invite(string syncshellId)
        {
            var buffer = new byte[Native.InviteSize];
            Native.Check(Native.syncshell_client_invite(handle, Native.Bytes(syncshellId), buffer,
                                                        (UIntPtr)(uint)buffer.Length, IntPtr.Zero),
                         "syncshell_client_invite");
            return Native.Text(buffer);
        }

        // ---- events ----

        /// <summary>The next event, or null when none waits. Never blocks.</summary>
        public SyncshellEvent NextEvent()
        {
            EventHandle native;
            Native.Check(Native.syncshell_client_next_event(handle, out native), "syncshell_client_next_event");
            return SyncshellEvent.Take(native);
        }

        /// <summary>Waits for the next event; null when none came in time (negative: no limit). ObjectDisposedException when
        /// the client is disposed meanwhile.</summary>
        public SyncshellEvent WaitEvent(int timeoutMs, CancellationToken cancel = default(CancellationToken))
        {
            Wait wait = waits.Enter(Thread.CurrentThread.ManagedThreadId);
            try
            {
                return WaitInSlices(timeoutMs, cancel);
            }
            finally
            {
                waits.Leave(wait);
            }
        }

        /// <summary>Takes events on a worker thread and hands them to the handler, one after another, until the event Stopped
        /// was taken, the client is disposed, or `cancel` is cancelled: then the task ends as a completed one. What the
        /// handler throws ends the loop and becomes the task's exception.</summary>
        public Task RunAsync(Action<SyncshellEvent> handler, CancellationToken cancel = default(CancellationToken))
        {
            if (handler == null)
                throw new ArgumentNullException("handler");
            Wait wait = waits.Enter(0);
            return Task.Factory.StartNew(() => Run(handler, wait, cancel), CancellationToken.None,
                                         TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        private void Run(Action<SyncshellEvent> handler, Wait wait, CancellationToken cancel)
        {
            wait.Thread = Thread.CurrentThread.ManagedThreadId;
            try
            {
                while (!waits.Ending && !cancel.IsCancellationRequested)
                {
                    SyncshellEvent e;
                    int result = WaitSlice(SliceMs, out e);
                    if (result == (int)SyncshellError.Stopped)
                        return;
                    Check(result);
                    if (e == null)
                        continue;
                    handler(e);
                    e.Dispose();
                }
            }
            finally
            {
                waits.Leave(wait);
            }
        }

        private SyncshellEvent WaitInSlices(int timeoutMs, CancellationToken cancel)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            for (;;)
            {
                waits.Check();
                cancel.ThrowIfCancellationRequested();
                long leftMs = timeoutMs < 0 ? SliceMs : Math.Max(0, timeoutMs - clock.ElapsedMilliseconds);
                SyncshellEvent e;
                Check(WaitSlice((int)Math.Min(leftMs, SliceMs), out e));
                if (e != null || leftMs == 0)
                    return e;
            }
        }

        private int WaitSlice(int timeoutMs, out SyncshellEvent e)
        {
            EventHandle native;
            int result = Native.syncshell_client_wait_event(handle, timeoutMs, out native);
            e = SyncshellEvent.Take(native);
            return result;
        }

        /// <summary>That nothing came in a slice is no failure.</summary>
        private static void Check(int result)
        {
            if (result != (int)SyncshellError.Timeout)
                Native.Check(result, "syncshell_client_wait_event");
        }

        // ---- commands; each returns its ticket ----

        public ulong CreateSyncshell()
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_create_syncshell(handle, out ticket), "syncshell_client_create_syncshell");
            return ticket;
        }

        public ulong Join(string invite)
        {
            ulong ticket;
            byte[] text = Native.Bytes(invite);
            Native.Check(Native.syncshell_client_join(handle, text, Native.Length(text), out ticket), "syncshell_client_join");
            return ticket;
        }

        /// <summary>A syncshell whose secret is made out of a passphrase: as safe as that is, for the relay's operator can test
        /// guesses. Prefer CreateSyncshell(). Takes some tenths of a second: not in a frame.</summary>
        public ulong CreateWithPassphrase(string passphrase)
        {
            ulong ticket;
            byte[] text = PassphraseBytes(passphrase);
            Native.Check(Native.syncshell_client_create_with_passphrase(handle, text, Native.Length(text), out ticket),
                         "syncshell_client_create_with_passphrase");
            return ticket;
        }

        /// <summary>Joins such a syncshell without an invite. Takes some tenths of a second: not in a frame.</summary>
        public ulong JoinWithPassphrase(string syncshellId, string passphrase)
        {
            ulong ticket;
            byte[] text = PassphraseBytes(passphrase);
            Native.Check(Native.syncshell_client_join_with_passphrase(handle, Native.Bytes(syncshellId), text,
                                                                      Native.Length(text), out ticket),
                         "syncshell_client_join_with_passphrase");
            return ticket;
        }

        /// <summary>In the form that counts, whatever the keyboard made.</summary>
        private static byte[] PassphraseBytes(string passphrase)
        {
            return Native.Bytes(passphrase == null ? null : passphrase.Normalize(NormalizationForm.FormC));
        }

        public ulong Leave(string syncshellId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_leave(handle, Native.Bytes(syncshellId), out ticket),
                         "syncshell_client_leave");
            return ticket;
        }

        /// <summary>For the owner. The member still knows the secret: rotate the key, too.</summary>
        public ulong RemoveMember(string syncshellId, string peerId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_remove_member(handle, Native.Bytes(syncshellId), Native.Bytes(peerId),
                                                               out ticket),
                         "syncshell_client_remove_member");
            return ticket;
        }

        /// <summary>For the owner. KeyRotated brings the invite with which the other members come back.</summary>
        public ulong RotateGroupKey(string syncshellId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_rotate_group_key(handle, Native.Bytes(syncshellId), out ticket),
                         "syncshell_client_rotate_group_key");
            return ticket;
        }

        /// <summary>For the owner: makes another member the owner.</summary>
        public ulong HandOver(string syncshellId, string peerId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_hand_over(handle, Native.Bytes(syncshellId), Native.Bytes(peerId), out ticket),
                         "syncshell_client_hand_over");
            return ticket;
        }

        /// <summary>For the owner: ends the syncshell for everybody.</summary>
        public ulong DeleteSyncshell(string syncshellId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_client_delete_syncshell(handle, Native.Bytes(syncshellId), out ticket),
                         "syncshell_client_delete_syncshell");
            return ticket;
        }

        public void NetworkChanged()
        {
            Native.Check(Native.syncshell_client_network_changed(handle), "syncshell_client_network_changed");
        }

        /// <summary>Opens a recovery session; `role` is this client's. sessionId null: a fresh one. label null: none.</summary>
        public ulong OpenSession(string syncshellId, string otherPeerId, Role role, string sessionId = null,
                                 string label = null)
        {
            ulong ticket;
            Native.Check(Native.syncshell_session_open(handle, Native.Bytes(syncshellId), Native.Bytes(otherPeerId), (int)role,
                                                       Native.Bytes(sessionId), Native.Bytes(label), out ticket),
                         "syncshell_session_open");
            return ticket;
        }

        public ulong SetManifest(string sessionId, IList<SyncshellFile> files)
        {
            return SendFiles(Native.syncshell_session_set_manifest, sessionId, files, "syncshell_session_set_manifest");
        }

        public ulong Report(string sessionId, IList<SyncshellFile> files)
        {
            return SendFiles(Native.syncshell_session_report, sessionId, files, "syncshell_session_report");
        }

        /// <summary>The offer for the generation that OfferNeeded named; 0 starts an attempt of its own.</summary>
        public ulong Offer(string sessionId, ulong generation, string sdp)
        {
            ulong ticket;
            byte[] text = Native.Bytes(sdp);
            Native.Check(Native.syncshell_session_offer(handle, Native.Bytes(sessionId), generation, text, Native.Length(text),
                                                        out ticket),
                         "syncshell_session_offer");
            return ticket;
        }

        public ulong Answer(string sessionId, ulong generation, string sdp)
        {
            ulong ticket;
            byte[] text = Native.Bytes(sdp);
            Native.Check(Native.syncshell_session_answer(handle, Native.Bytes(sessionId), generation, text,
                                                         Native.Length(text), out ticket),
                         "syncshell_session_answer");
            return ticket;
        }

        /// <summary>An ICE candidate of this side; an empty one: there are no more. sdpMid null, sdpMLineIndex negative: absent.</summary>
        public ulong Candidate(string sessionId, ulong generation, string candidate, string sdpMid, int sdpMLineIndex)
        {
            ulong ticket;
            byte[] text = Native.Bytes(candidate);
            Native.Check(Native.syncshell_session_candidate(handle, Native.Bytes(sessionId), generation, text,
                                                            Native.Length(text), Native.Bytes(sdpMid), sdpMLineIndex,
                                                            out ticket),
                         "syncshell_session_candidate");
            return ticket;
        }

        public ulong TellLink(string sessionId, ulong generation, Link link)
        {
            ulong ticket;
            Native.Check(Native.syncshell_session_link(handle, Native.Bytes(sessionId), generation, (int)link, out ticket),
                         "syncshell_session_link");
            return ticket;
        }

        /// <summary>The same, with what the WebRTC stack knows beyond it; cause and iceServer may be null.</summary>
        public ulong TellLink(string sessionId, ulong generation, Link link, string cause, string iceServer)
        {
            ulong ticket;
            using (var strings = new NativeMemory())
            {
                var report = new Native.LinkReport
                {
                    Size = (uint)Marshal.SizeOf(typeof(Native.LinkReport)), Link = (int)link,
                    Cause = strings.Text(cause), IceServer = strings.Text(iceServer)
                };
                Native.Check(Native.syncshell_session_link_report(handle, Native.Bytes(sessionId), generation, ref report,
                                                                  out ticket),
                             "syncshell_session_link_report");
            }
            return ticket;
        }

        /// <summary>What a Cause means, for a person.</summary>
        public static string CauseSentence(string cause)
        {
            return Native.Text(Native.syncshell_cause_sentence(Native.Bytes(cause)));
        }

        /// <summary>What to do about a Cause.</summary>
        public static string CauseAdvice(string cause)
        {
            return Native.Text(Native.syncshell_cause_advice(Native.Bytes(cause)));
        }

        public ulong RequestRecovery(string sessionId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_session_request_recovery(handle, Native.Bytes(sessionId), out ticket),
                         "syncshell_session_request_recovery");
            return ticket;
        }

        /// <summary>Joiner: RecoveryCode brings a code with which the user goes on at another device.</summary>
        public ulong IssueCode(string sessionId)
        {
            ulong ticket;
            Native.Check(Native.syncshell_session_issue_code(handle, Native.Bytes(sessionId), out ticket),
                         "syncshell_session_issue_code");
            return ticket;
        }

        /// <summary>Goes on here with the session of the device that shows the code. SyncshellError.Code: mistyped.</summary>
        public ulong RedeemCode(string syncshellId, string code)
        {
            ulong ticket;
            byte[] text = Native.Bytes(code);
            Native.Check(Native.syncshell_client_redeem_code(handle, Native.Bytes(syncshellId), text, Native.Length(text),
                                                             out ticket),
                         "syncshell_client_redeem_code");
            return ticket;
        }

        public ulong CloseSession(string sessionId, Outcome outcome)
        {
            ulong ticket;
            Native.Check(Native.syncshell_session_close(handle, Native.Bytes(sessionId), (int)outcome, out ticket),
                         "syncshell_session_close");
            return ticket;
        }

        private delegate int FilesCall(ClientHandle client, byte[] sessionId, NativeFile[] files, UIntPtr n, out ulong ticket);

        private ulong SendFiles(FilesCall call, string sessionId, IList<SyncshellFile> files, string name)
        {
            if (files == null)
                throw new ArgumentNullException("files");
            using (var memory = new NativeMemory())
            {
                ulong ticket;
                var natives = new NativeFile[files.Count];
                for (int i = 0; i < natives.Length; i++)
                    natives[i] = ToNative(memory, files[i]);
                Native.Check(call(handle, Native.Bytes(sessionId), natives, (UIntPtr)(uint)natives.Length, out ticket), name);
                return ticket;
            }
        }

        private static NativeFile ToNative(NativeMemory memory, SyncshellFile file)
        {
            if (file == null)
                throw new ArgumentNullException("files");
            int n = file.Ranges == null ? 0 : file.Ranges.Length;
            return new NativeFile
            {
                Size = (uint)Marshal.SizeOf(typeof(NativeFile)),
                Flags = (uint)file.Flags,
                Path = memory.Text(file.Path),
                Hash = memory.Text(file.Hash),
                Algorithm = memory.Text(file.Algorithm),
                SizeBytes = file.SizeBytes,
                Ranges = n == 0 ? IntPtr.Zero : memory.Ranges(file.Ranges),
                RangeCount = (UIntPtr)(uint)n,
            };
        }
    }

    /// <summary>One wait or loop, and the thread that is in it; 0 as long as none is.</summary>
    internal sealed class Wait
    {
        internal int Thread;
    }

    /// <summary>The waits and loops of a client. Its end waits for theirs.</summary>
    internal sealed class Waits
    {
        private readonly object gate = new object();
        private readonly List<Wait> waits = new List<Wait>();
        private volatile bool ending;

        internal bool Ending { get { return ending; } }

        internal void Check()
        {
            if (ending)
                throw new ObjectDisposedException("SyncshellClient");
        }

        internal Wait Enter(int thread)
        {
            var wait = new Wait { Thread = thread };
            lock (gate)
            {
                Check();
                waits.Add(wait);
            }
            return wait;
        }

        internal void Leave(Wait wait)
        {
            lock (gate)
            {
                waits.Remove(wait);
                Monitor.PulseAll(gate);
            }
        }

        /// <summary>Returns when no other thread waits. The calling one may be in a handler, and cannot wait for itself; nor
        /// may two handlers that do this at once wait for each other.</summary>
        internal void End()
        {
            int thread = Thread.CurrentThread.ManagedThreadId;
            lock (gate)
            {
                ending = true;
                List<Wait> own = waits.FindAll(w => w.Thread == thread);
                waits.RemoveAll(w => w.Thread == thread);
                Monitor.PulseAll(gate);
                while (waits.Count > 0)
                    Monitor.Wait(gate);
                waits.AddRange(own);
            }
        }
    }

    internal sealed class ClientHandle : SafeHandle
    {
        public ClientHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        protected override bool ReleaseHandle()
        {
            Native.syncshell_client_free(handle);
            return true;
        }
    }

    internal sealed class EventHandle : SafeHandle
    {
        public EventHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        protected override bool ReleaseHandle()
        {
            Native.syncshell_event_free(handle);
            return true;
        }
    }

    /// <summary>Native memory for one call, freed with this object.</summary>
    internal sealed class NativeMemory : IDisposable
    {
        private readonly List<IntPtr> blocks = new List<IntPtr>();

        internal IntPtr Text(string text)
        {
            byte[] bytes = Native.Bytes(text);
            if (bytes == null)
                return IntPtr.Zero;
            IntPtr block = Allocate(bytes.Length);
            Marshal.Copy(bytes, 0, block, bytes.Length);
            return block;
        }

        internal IntPtr Ranges(ByteRange[] ranges)
        {
            var numbers = new long[checked(2 * ranges.Length)];
            for (int i = 0; i < ranges.Length; i++)
            {
                numbers[2 * i] = unchecked((long)ranges[i].Begin);
                numbers[2 * i + 1] = unchecked((long)ranges[i].End);
            }
            IntPtr block = Allocate(checked(numbers.Length * sizeof(long)));
            Marshal.Copy(numbers, 0, block, numbers.Length);
            return block;
        }

        private IntPtr Allocate(int bytes)
        {
            IntPtr block = Marshal.AllocHGlobal(bytes);
            blocks.Add(block);
            return block;
        }

        public void Dispose()
        {
            foreach (IntPtr block in blocks)
                Marshal.FreeHGlobal(block);
            blocks.Clear();
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeOptions
    {
        internal uint Size;
        internal uint Reserved;
        internal IntPtr StateDir;
        internal IntPtr RelayUrl;
        internal IntPtr CaFile;
        internal IntPtr AccessKey;
        internal IntPtr Wake; // stays null: nothing native calls us
        internal IntPtr WakeUserdata;
        internal uint RetryBaseMs;
        internal uint AttemptTimeoutMs;
        internal uint StopTimeoutMs;
        internal uint EventsMax;
        internal IntPtr CertificatePin;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeFile
    {
        internal uint Size;
        internal uint Flags;
        internal IntPtr Path;
        internal IntPtr Hash;
        internal IntPtr Algorithm;
        internal ulong SizeBytes;
        internal IntPtr Ranges;
        internal UIntPtr RangeCount;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeIceServer
    {
        internal uint Size;
        internal uint Reserved;
        internal IntPtr Url;
        internal IntPtr Username;
        internal IntPtr Credential;
    }

    internal static class Native
    {
        private const string Library = "syncshell"; // syncshell.dll, libsyncshell.so
        private const CallingConvention C = CallingConvention.Cdecl;

        internal const int PeerIdSize = 52;
        internal const int InviteSize = 2049;
        internal const int FilesHeld = 1;
        internal const int FilesNeeded = 2;
        internal const int FilesMismatched = 3;

        // ---- text: by hand, since not every runtime knows UTF-8 strings as parameters ----

        private static Encoding Utf8 { get { return new UTF8Encoding(false, true); } }

        /// <summary>UTF-8 with a NUL behind it; null stays null. A NUL inside would cut the text short: it is refused.</summary>
        internal static byte[] Bytes(string text)
        {
            if (text == null)
                return null;
            if (text.IndexOf('\0') >= 0)
                throw Refused("a text with a NUL");
            try
            {
                return Utf8.GetBytes(text + "\0");
            }
            catch (EncoderFallbackException)
            {
                throw Refused("a text with half a surrogate pair");
            }
        }

        private static SyncshellException Refused(string what)
        {
            return new SyncshellException(SyncshellError.Argument, ErrorName((int)SyncshellError.Argument), what);
        }

        internal static UIntPtr Length(byte[] text)
        {
            return (UIntPtr)(uint)(text == null ? 0 : text.Length - 1);
        }

        internal static string Text(IntPtr text, int length)
        {
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        internal static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero)
                return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0)
                length++;
            return Text(text, length);
        }

        internal static string Text(byte[] buffer)
        {
            return Encoding.UTF8.GetString(buffer, 0, Array.IndexOf(buffer, (byte)0));
        }

        internal static string ErrorName(int error)
        {
            return Text(syncshell_error_name(error));
        }

        internal static void Check(int result, string call)
        {
            if (result != 0)
                throw new SyncshellException((SyncshellError)result, ErrorName(result), call);
        }

        // ---- the functions of syncshell.h, in its order ----

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_error_name(int error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_version();

        [DllImport(Library, CallingConvention = C)]
        internal static extern void syncshell_options_init(out NativeOptions options, uint size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_new(ref NativeOptions options, out ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void syncshell_client_free(IntPtr client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_peer_id(ClientHandle client, [Out] byte[] id, UIntPtr size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_invite(ClientHandle client, byte[] syncshellId, [Out] byte[] invite,
                                                           UIntPtr size, IntPtr noSize);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_event_type_name(int type);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_next_event(ClientHandle client, out EventHandle e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_wait_event(ClientHandle client, int timeoutMs, out EventHandle e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void syncshell_event_free(IntPtr e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_event_get_type(EventHandle e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern ulong syncshell_event_ticket(EventHandle e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_event_text(EventHandle e, int field, out UIntPtr length);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_event_integer(EventHandle e, int field, out ulong value);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr syncshell_event_file_count(EventHandle e, int list);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_event_file(EventHandle e, int list, UIntPtr index, ref NativeFile file);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr syncshell_event_ice_server_count(EventHandle e);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_event_ice_server(EventHandle e, UIntPtr index, ref NativeIceServer server);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_create_syncshell(ClientHandle client, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_join(ClientHandle client, byte[] invite, UIntPtr length,
                                                         out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_create_with_passphrase(ClientHandle client, byte[] passphrase,
            UIntPtr length, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_join_with_passphrase(ClientHandle client, byte[] syncshellId,
            byte[] passphrase, UIntPtr length, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_leave(ClientHandle client, byte[] syncshellId, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_remove_member(ClientHandle client, byte[] syncshellId, byte[] peerId,
            out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_rotate_group_key(ClientHandle client, byte[] syncshellId,
            out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_hand_over(ClientHandle client, byte[] syncshellId, byte[] peerId,
            out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_delete_syncshell(ClientHandle client, byte[] syncshellId,
            out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_network_changed(ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_open(ClientHandle client, byte[] syncshellId, byte[] otherPeerId, int role,
                                                          byte[] sessionId, byte[] label, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_set_manifest(ClientHandle client, byte[] sessionId,
                                                                  [In] NativeFile[] files, UIntPtr n, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_report(ClientHandle client, byte[] sessionId, [In] NativeFile[] files,
                                                            UIntPtr n, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_offer(ClientHandle client, byte[] sessionId, ulong generation, byte[] sdp,
                                                           UIntPtr length, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_answer(ClientHandle client, byte[] sessionId, ulong generation,
                                                            byte[] sdp, UIntPtr length, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_candidate(ClientHandle client, byte[] sessionId, ulong generation,
                                                               byte[] candidate, UIntPtr length, byte[] sdpMid,
                                                               int sdpMLineIndex, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_link(ClientHandle client, byte[] sessionId, ulong generation, int link,
                                                          out ulong ticket);

        [StructLayout(LayoutKind.Sequential)]
        internal struct LinkReport
        {
            internal uint Size;
            internal int Link;
            internal IntPtr Cause;
            internal IntPtr IceServer;
        }

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_link_report(ClientHandle client, byte[] sessionId, ulong generation,
                                                                 ref LinkReport report, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_cause_sentence(byte[] cause);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr syncshell_cause_advice(byte[] cause);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_request_recovery(ClientHandle client, byte[] sessionId,
                                                                      out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_issue_code(ClientHandle client, byte[] sessionId, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_client_redeem_code(ClientHandle client, byte[] syncshellId, byte[] code,
            UIntPtr length, out ulong ticket);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int syncshell_session_close(ClientHandle client, byte[] sessionId, int outcome,
                                                           out ulong ticket);
    }
}
