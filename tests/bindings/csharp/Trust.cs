// What members trust: a passphrase in place of an invite, and a key that an invite pins in place of an authority.
using System.IO;
using System.Text;
using Syncshell;

internal static class Trust
{
    private const string Passphrase = "gr\u00fcne \u00c4pfel \U0001d11e, sieben Fl\u00fcsse";

    /// <summary>Another keyboard may make the same letters out of other code points.</summary>
    internal static void ByPassphrase(string url, string folder)
    {
        using (var owner = new Member(Path.Combine(folder, "owner"), url))
        using (var member = new Member(Path.Combine(folder, "member"), url))
        using (var stranger = new Member(Path.Combine(folder, "stranger"), url))
        {
            string id = owner.Event(EventType.SyncshellCreated, owner.Client.CreateWithPassphrase(Passphrase)).SyncshellId;
            string decomposed = Passphrase.Normalize(NormalizationForm.FormD);
            Probe.Expect(decomposed != Passphrase, "two forms");
            SyncshellEvent joined = member.Event(EventType.SyncshellJoined, member.Client.JoinWithPassphrase(id, decomposed));
            Probe.ExpectEqual(owner.Client.PeerId, joined.Text(Field.OwnerPeerId), "owner");
            SyncshellEvent refused =
                stranger.Event(EventType.RequestFailed, stranger.Client.JoinWithPassphrase(id, Passphrase + "!"));
            Probe.ExpectEqual("bad_proof", refused.Text(Field.Code), "a wrong passphrase");
        }
    }

    internal static void ByPin(string url, string folder, string authority)
    {
        string invite;
        using (var owner = new Member(new SyncshellOptions
                                      {
                                          StateDir = Path.Combine(folder, "owner"), RelayUrl = url, CaFile = authority,
                                          CertificatePin = SyncshellClient.PinConnected
                                      }))
            invite = owner.Event(EventType.SyncshellCreated, owner.Client.CreateSyncshell()).Text(Field.Invite);
        using (var member = new Member(new SyncshellOptions { StateDir = Path.Combine(folder, "member") }))
            member.Event(EventType.SyncshellJoined, member.Client.Join(invite)); // no authority that it knows vouches
        ExpectRefused(folder, "other", url, new string('A', 43), "wrong_certificate_pin");
        ExpectRefused(folder, "none", url, null, "certificate_refused");
    }

    private static void ExpectRefused(string folder, string name, string url, string pin, string code)
    {
        using (var member = new Member(new SyncshellOptions
                                       {
                                           StateDir = Path.Combine(folder, name), RelayUrl = url, CertificatePin = pin
                                       }))
        {
            member.Client.CreateSyncshell();
            Probe.ExpectEqual(code, member.Event(EventType.RelayDisconnected).Text(Field.Code), name);
        }
    }
}
