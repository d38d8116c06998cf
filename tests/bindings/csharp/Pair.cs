// Two clients in one process and a relay: a first connection, progress, a drop, exactly what is missing, the end.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Syncshell;

/// <summary>A client with its loop, and all the events that came.</summary>
internal sealed class Member : IDisposable
{
    private const int LimitMs = 60000;
    private readonly List<SyncshellEvent> events = new List<SyncshellEvent>();
    private readonly Task loop;
    private int taken;

    internal Member(string state, string url) : this(new SyncshellOptions { StateDir = state, RelayUrl = url })
    {
    }

    internal Member(SyncshellOptions options)
    {
        Client = new SyncshellClient(options);
        loop = Client.RunAsync(Add);
    }

    internal SyncshellClient Client { get; private set; }

    private void Add(SyncshellEvent e)
    {
        lock (events)
        {
            events.Add(e);
            Monitor.PulseAll(events);
        }
    }

    /// <summary>The first event of that type (and ticket) since the last Mark().</summary>
    internal SyncshellEvent Event(EventType type, ulong ticket = 0)
    {
        lock (events)
        {
            for (int i = taken;; i++)
            {
                while (i >= events.Count)
                    if (!Monitor.Wait(events, LimitMs))
                        throw new Exception("no " + type + " among " + string.Join(", ", events.Select(e => e.TypeName)));
                if (events[i].Type == type && (ticket == 0 || events[i].Ticket == ticket))
                    return events[i];
            }
        }
    }

    /// <summary>What has come up to now is over.</summary>
    internal void Mark()
    {
        lock (events)
            taken = events.Count;
    }

    public void Dispose()
    {
        Client.Dispose();
        loop.Wait(); // throws what the loop threw
    }
}

internal static class Pair
{
    private const string Label = "armour \u00fc \U0001d11e";
    private const string Half = "mods/h\u00e4lf.tex";
    private static readonly string Hash = string.Concat(Enumerable.Repeat("AB", 32));

    internal static void Run(string url, string folder)
    {
        using (var provider = new Member(Path.Combine(folder, "provider"), url))
        using (var joiner = new Member(Path.Combine(folder, "joiner"), url))
        {
            string session = Meet(provider, joiner);
            ulong generation = Connect(provider, joiner, session);
            Report(joiner, session);
            Drop(provider, joiner, session, generation);
            ulong ticket = joiner.Client.CloseSession(session, Outcome.Completed);
            Probe.ExpectEqual("completed", joiner.Event(EventType.SessionClosed, ticket).Text(Field.Outcome), "outcome");
            Probe.ExpectEqual("completed", provider.Event(EventType.SessionClosed).Text(Field.Outcome), "outcome there");
        }
    }

    private static SyncshellFile File(string path, ulong size)
    {
        return new SyncshellFile { Path = path, Hash = Hash, Algorithm = "sha256", SizeBytes = size };
    }

    private static string Meet(Member provider, Member joiner)
    {
        SyncshellEvent created = provider.Event(EventType.SyncshellCreated, provider.Client.CreateSyncshell());
        string invite = created.Text(Field.Invite);
        Probe.ExpectEqual(invite, provider.Client.Invite(created.SyncshellId), "the invite again");
        SyncshellEvent joined = joiner.Event(EventType.SyncshellJoined, joiner.Client.Join(invite));
        Probe.ExpectEqual(provider.Client.PeerId, joined.Text(Field.OwnerPeerId), "owner");
        joiner.Event(EventType.SyncshellReady);
        ulong ticket = joiner.Client.OpenSession(created.SyncshellId, provider.Client.PeerId, Role.Joiner, null, Label);
        SyncshellEvent opened = joiner.Event(EventType.SessionOpened, ticket);
        Probe.ExpectEqual(Label, opened.Text(Field.Label), "label");
        string session = opened.SessionId;
        opened = provider.Event(EventType.SessionOpened);
        Probe.ExpectEqual(session, opened.SessionId, "session");
        Probe.ExpectEqual("provider", opened.Text(Field.Role), "role");
        ticket = provider.Client.SetManifest(session, new[] { File(Half, 1000), File("done", 7), File("other", 5), File("new", 3) });
        provider.Event(EventType.ManifestSaved, ticket);
        return session;
    }

    /* As the relay's operator configured them. */
    private static void ExpectServers(SyncshellEvent e)
    {
        Probe.ExpectEqual(2, e.IceServers.Length, "servers");
        Probe.ExpectEqual("turn:turn.example:3478?transport=udp", e.IceServers[0].Url, "URL");
        Probe.ExpectEqual("guild", e.IceServers[0].Username, "username");
        Probe.ExpectEqual("pass word", e.IceServers[0].Credential, "credential");
        Probe.ExpectEqual("stun:turn.example", e.IceServers[1].Url, "second URL");
        Probe.ExpectEqual((ulong?)null, e.Integer(Field.IceTtlMs), "they do not expire");
    }

    private static ulong Connect(Member provider, Member joiner, string session)
    {
        SyncshellEvent needed = joiner.Event(EventType.OfferNeeded);
        ulong generation = needed.Generation;
        ExpectServers(needed);
        joiner.Client.Offer(session, generation, "v=0 offer \u00fc");
        SyncshellEvent offer = provider.Event(EventType.Offer);
        Probe.ExpectEqual("v=0 offer \u00fc", offer.Sdp, "offer");
        ExpectServers(offer);
        Probe.ExpectEqual(generation, offer.Generation, "generation");
        provider.Client.Answer(session, generation, "v=0 answer");
        Probe.ExpectEqual("v=0 answer", joiner.Event(EventType.Answer).Sdp, "answer");
        joiner.Client.Candidate(session, generation, "candidate:1 1 udp 1 192.0.2.7 9 typ host", "0", 2);
        SyncshellEvent candidate = provider.Event(EventType.Candidate);
        Probe.ExpectEqual("0", candidate.Text(Field.SdpMid), "sdpMid");
        Probe.ExpectEqual((ulong?)2, candidate.Integer(Field.SdpMLineIndex), "sdpMLineIndex");
        foreach (Member member in new[] { joiner, provider })
        {
            member.Client.TellLink(session, generation, Link.Up);
            Probe.ExpectEqual(generation, member.Event(EventType.Recovered).Generation, "the link's generation");
        }
        return generation;
    }

    private static void Report(Member joiner, string session)
    {
        SyncshellFile half = File(Half, 1000), done = File("done", 7), other = File("other", 5);
        half.Ranges = new[] { new ByteRange(0, 400), new ByteRange(600, 700) };
        done.Flags = FileFlags.Done;
        other.Flags = FileFlags.Done;
        other.Hash = string.Concat(Enumerable.Repeat("cd", 32));
        ulong ticket = joiner.Client.Report(session, new[] { half, done, other });
        joiner.Event(EventType.ProgressSaved, ticket);
        SyncshellEvent stored = joiner.Event(EventType.ProgressStored);
        Probe.ExpectEqual((ulong?)ticket, stored.Integer(Field.TicketUpTo), "stored up to");
        Probe.ExpectEqual((ulong?)2, stored.Integer(Field.FilesDone), "files done");
    }

    private static void Drop(Member provider, Member joiner, string session, ulong generation)
    {
        provider.Event(EventType.RecoveryRequest); // the one of the first connection
        provider.Mark();
        joiner.Mark();
        joiner.Client.TellLink(session, generation, Link.Lost);
        Probe.ExpectEqual(generation + 1, joiner.Event(EventType.OfferNeeded).Generation, "the next generation");
        SyncshellEvent request = provider.Event(EventType.RecoveryRequest);
        Probe.ExpectEqual(3, request.Held.Length, "files that the joiner has");
        Probe.Expect(request.Held.Single(f => f.Path == "done").IsDone, "done");
        SyncshellFile half = request.Needed.Single(f => f.Path == Half);
        Probe.ExpectEqual("400-600 700-1000", string.Join(" ", half.Ranges.Select(r => r.Begin + "-" + r.End)), "ranges");
        Probe.ExpectEqual(1000ul, half.SizeBytes, "size");
        Probe.ExpectEqual(Hash, half.Hash.ToUpperInvariant(), "hash");
        Probe.ExpectEqual("sha256", half.Algorithm, "algorithm");
        Probe.Expect(request.Needed.Single(f => f.Path == "other").IsMismatched, "mismatched");
        Probe.Expect(request.Needed.Single(f => f.Path == "new").Ranges == null, "the whole of a new file");
        Probe.ExpectEqual(3, request.Needed.Length, "files to send");
        Probe.ExpectEqual((ulong?)508, request.Integer(Field.Bytes), "bytes to send");
        Probe.ExpectEqual("other", joiner.Event(EventType.RecoveryResponse).Mismatched.Single().Path, "starts over");
    }
}
