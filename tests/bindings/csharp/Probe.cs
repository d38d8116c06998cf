// What tests/e2e/test_csharp.py runs: shared/bindings/csharp/Syncshell.cs on the built library. Each check is a mode of its own,
// named on the command line. Exit status 0: all was as expected; otherwise an exception says what was not.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Syncshell;

internal static class Probe
{
    private const string Nowhere = "ws://127.0.0.1:1";

    private static int Main(string[] arguments)
    {
        string[] rest = arguments.Skip(1).ToArray();
        switch (arguments[0])
        {
            case "names": Names(); break;
            case "arguments": Arguments(rest[0]); break;
            case "life": Life(rest[0]); break;
            case "waits": WaitsEnd(rest[0]); break;
            case "domains": Domains(rest[0]); break;
            case "pair": Pair.Run(rest[0], rest[1]); break;
            case "passphrase": Trust.ByPassphrase(rest[0], rest[1]); break;
            case "pin": Trust.ByPin(rest[0], rest[1], rest[2]); break;
            case "die-at-the-end": DieAtTheEnd(rest[0], rest[1]); break;
            case "hear-the-end": HearTheEnd(rest[0], rest[1]); break;
            default: throw new ArgumentException(arguments[0]);
        }
        return 0;
    }

    internal static SyncshellClient Start(string state, string url = Nowhere)
    {
        return new SyncshellClient(new SyncshellOptions { StateDir = state, RelayUrl = url });
    }

    internal static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new Exception("not as expected: " + what);
    }

    internal static void ExpectEqual<T>(T expected, T seen, string what)
    {
        Expect(EqualityComparer<T>.Default.Equals(expected, seen), what + ": " + seen + ", not " + expected);
    }

    /// <summary>Killed in the handler that is told of the membership's end, so it has not acted on it.</summary>
    private static void DieAtTheEnd(string state, string url)
    {
        using (SyncshellClient client = Start(state, url))
            client.RunAsync(e =>
            {
                if (e.Type == EventType.MembershipEnded)
                    Process.GetCurrentProcess().Kill();
            }).Wait();
    }

    private static void HearTheEnd(string state, string url)
    {
        using (var member = new Member(state, url))
            member.Event(EventType.MembershipEnded);
    }

    private static void ExpectRefused(string name, SyncshellError error, Action call)
    {
        try
        {
            call();
        }
        catch (SyncshellException e)
        {
            ExpectEqual(name, e.ErrorName, "the error's name");
            ExpectEqual(error, e.Error, "the error");
            Expect(e.Message.Contains(name), "the message names the error: " + e.Message);
            return;
        }
        throw new Exception("not refused with " + name);
    }

    private static void ExpectThrows<T>(Action call) where T : Exception
    {
        try
        {
            call();
        }
        catch (T)
        {
            return;
        }
        throw new Exception("did not throw " + typeof(T).Name);
    }

    // ---- the enums are the header's: the library's own names say so ----

    private static string Words(string name, string between)
    {
        return string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? between + c : c.ToString()));
    }

    private static void Names()
    {
        Expect(Enum.GetValues(typeof(EventType)).Length == 37, "37 types of events");
        foreach (EventType type in Enum.GetValues(typeof(EventType)))
            ExpectEqual(Words(type.ToString(), "_").ToLowerInvariant(),
                        Native.Text(Native.syncshell_event_type_name((int)type)), "type");
        foreach (Field field in Enum.GetValues(typeof(Field)))
            ExpectEqual(char.ToLowerInvariant(field.ToString()[0]) + field.ToString().Substring(1),
                        Native.Text(NamesOnly.syncshell_field_name((int)field)), "field");
        foreach (SyncshellError error in Enum.GetValues(typeof(SyncshellError)))
            ExpectEqual((error == SyncshellError.Ok ? "" : "E_") + Words(error.ToString(), "_").ToUpperInvariant(),
                        Native.ErrorName((int)error), "error");
    }

    // ---- wrong arguments ----

    private static void Arguments(string state)
    {
        ExpectThrows<ArgumentNullException>(() => new SyncshellClient(null));
        ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => new SyncshellClient(new SyncshellOptions()));
        ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => Start(state, "http://relay.example"));
        ExpectRefused("E_STATE_DIR", SyncshellError.StateDir, () => Start(Path.Combine(state, "no", "parent")));
        using (SyncshellClient client = Start(state))
        {
            ExpectRefused("E_STATE_IN_USE", SyncshellError.StateInUse, () => Start(state));
            ExpectRefused("E_INVITE", SyncshellError.Invite, () => client.Join("no invite"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.Join(null));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.Leave("a\0b"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.RemoveMember("s", "nobody"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.RotateGroupKey("a b"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.HandOver("s", "nobody"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.DeleteSyncshell("a b"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.IssueCode("a b"));
            ExpectRefused("E_PASSPHRASE", SyncshellError.Passphrase, () => client.CreateWithPassphrase("too short"));
            ExpectRefused("E_PASSPHRASE", SyncshellError.Passphrase, () => client.JoinWithPassphrase("s", "too short"));
            ExpectRefused("E_CODE", SyncshellError.Code, () => client.RedeemCode("s", "7YXW-4KQ0-1N8D-PZ3MC"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.Offer("s1", 0, "half a pair \ud800"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument, () => client.Offer(null, 0, "v=0"));
            ExpectRefused("E_UNKNOWN", SyncshellError.Unknown, () => client.Invite("unknown"));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument,
                          () => client.Report("s1", new[] { new SyncshellFile { Path = "" } }));
            ExpectThrows<ArgumentNullException>(() => client.Report("s1", null));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument,
                          () => client.TellLink("s1", 1, Link.Failed, "sun_spots", null));
            ExpectRefused("E_ARGUMENT", SyncshellError.Argument,
                          () => client.TellLink("s1", 1, Link.Up, null, "http://turn.example"));
            Expect(SyncshellClient.CauseSentence("turn_refused").Contains("TURN"), "a sentence");
            Expect(SyncshellClient.CauseAdvice(null).Length > 0, "advice");
            UnknownSession(client);
        }
    }

    private static void UnknownSession(SyncshellClient client)
    {
        ulong ticket = client.Report("s1", new[] { new SyncshellFile { Path = "a", SizeBytes = 1 } });
        SyncshellEvent e = client.WaitEvent(60000);
        while (e != null && e.Type != EventType.RequestFailed)
            e = client.WaitEvent(60000);
        Expect(e != null, "an event");
        ExpectEqual("request_failed", e.TypeName, "type's name");
        ExpectEqual(ticket, e.Ticket, "ticket");
        ExpectEqual("unknown_session", e.Code, "code");
        ExpectEqual((ulong?)0, e.Integer(Field.Retryable), "retryable");
        ExpectEqual((ulong?)null, e.Integer(Field.Bytes), "a field that is not there");
        Expect(e.Sdp == null && e.Held.Length == 0, "texts and lists that are not there");
    }

    // ---- starting and ending ----

    private static int Threads()
    {
        return Directory.GetDirectories("/proc/self/task").Length;
    }

    private static int Descriptors()
    {
        return Directory.GetFileSystemEntries("/proc/self/fd").Length;
    }

    private static void Life(string state)
    {
        string id = null;
        int threads = 0, descriptors = 0;
        for (int i = 0; i < 50; i++)
        {
            SyncshellClient client = Start(state);
            id = id ?? client.PeerId;
            ExpectEqual(id, client.PeerId, "the same peer");
            client.Dispose();
            client.Dispose();
            ExpectThrows<ObjectDisposedException>(() => client.NextEvent());
            ExpectThrows<ObjectDisposedException>(() => client.WaitEvent(0));
            ExpectThrows<ObjectDisposedException>(() => client.RunAsync(e => { }));
            if (i == 0)
            {
                threads = Threads();
                descriptors = Descriptors();
            }
        }
        Expect(id.StartsWith("ed25519:", StringComparison.Ordinal) && id.Length == 51, id);
        // The runtime may have started a thread of its own, or opened a file: far less than one a client.
        Expect(Threads() < threads + 10, "threads left: " + threads + ", then " + Threads());
        Expect(Descriptors() < descriptors + 10, "descriptors left: " + descriptors + ", then " + Descriptors());
    }

    // ---- waits end: by time, by cancellation, before Dispose() returns, by their handler ----

    private static void WaitsEnd(string state)
    {
        SyncshellClient client = Start(state);
        Expect(client.NextEvent() == null, "no event yet");
        Expect(client.WaitEvent(250) == null, "none in time");
        var cancel = new CancellationTokenSource();
        Task loop = client.RunAsync(e => { }, cancel.Token);
        cancel.Cancel();
        Expect(loop.Wait(60000), "a cancelled loop ends");
        ExpectThrows<OperationCanceledException>(() => client.WaitEvent(-1, cancel.Token));
        Task wait = Task.Factory.StartNew(() => ExpectThrows<ObjectDisposedException>(() => client.WaitEvent(-1)),
                                          TaskCreationOptions.LongRunning);
        loop = client.RunAsync(e => { });
        Thread.Sleep(50); // any length will do: it only makes it likely that both wait
        client.Dispose();
        Expect(wait.Wait(60000), "a wait ends with its client");
        Expect(loop.Wait(60000), "a loop ends with its client");
        DisposalWaitsForTheHandler(state);
        Handlers(state);
    }

    private static void FailACommand(SyncshellClient client)
    {
        client.Report("s1", new[] { new SyncshellFile { Path = "a", SizeBytes = 1 } });
    }

    private static void DisposalWaitsForTheHandler(string state)
    {
        SyncshellClient client = Start(state);
        var entered = new ManualResetEventSlim();
        bool left = false;
        client.RunAsync(e =>
        {
            entered.Set();
            Thread.Sleep(300); // so that a disposal which does not wait is over first
            Volatile.Write(ref left, true);
        });
        FailACommand(client);
        Expect(entered.Wait(60000), "an event is handled");
        client.Dispose();
        Expect(Volatile.Read(ref left), "no handler runs after the disposal");
    }

    private static void Handlers(string state)
    {
        SyncshellClient client = Start(state);
        Task loop = client.RunAsync(e => { throw new InvalidOperationException("the handler's"); });
        FailACommand(client);
        ExpectThrows<InvalidOperationException>(() => loop.GetAwaiter().GetResult());
        int handled = 0;
        loop = client.RunAsync(e =>
        {
            handled++;
            client.Dispose();
        });
        FailACommand(client);
        Expect(loop.Wait(60000), "a handler may dispose its client");
        ExpectEqual(1, handled, "events after the disposal");
    }

    // ---- a load context that is unloaded ----

    private sealed class Inside : MarshalByRefObject
    {
        public void Use(string state)
        {
            SyncshellClient client = Start(state);
            Task loop = client.RunAsync(e => { });
            FailACommand(client);
            client.Dispose();
            loop.Wait();
        }
    }

    private static void Domains(string state)
    {
        for (int i = 0; i < 5; i++)
        {
            AppDomain domain = AppDomain.CreateDomain("plugin " + i);
            var inside = (Inside)domain.CreateInstanceAndUnwrap(typeof(Inside).Assembly.FullName, typeof(Inside).FullName);
            inside.Use(state);
            AppDomain.Unload(domain);
        }
    }
}

internal static class NamesOnly
{
    [System.Runtime.InteropServices.DllImport("syncshell",
        CallingConvention = System.Runtime.InteropServices.CallingConvention.Cdecl)]
    internal static extern IntPtr syncshell_field_name(int field);
}
