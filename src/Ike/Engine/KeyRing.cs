using Gateway.Crypto;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Ike.Sa;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>The credentials in force, and the private keys that were opened for them: opening one costs more than a signature with some.</summary>
internal sealed class KeyRing(ISecretSource secrets) : IDisposable
{
    private readonly Dictionary<KeyHandle, PrivateKey> _open = [];

    public Credentials Credentials { get; private set; } = Credentials.None;

    public RevocationCache Revocation { get; } = new();

    public void Load(Credentials credentials)
    {
        Credentials = credentials;
        foreach (var gone in _open.Keys.Except(credentials.PrivateKeys.Select(k => k.Handle)).ToList())
            if (_open.Remove(gone, out var key)) key.Dispose();
    }

    public PrivateKey? PrivateKey(KeyHandle handle)
    {
        if (_open.TryGetValue(handle, out var open)) return open;
        using var content = secrets.Open(handle);
        if (content is null || !Crypto.Signatures.PrivateKey.TryParse(content.Span, out var key)) return null;
        return _open[handle] = key;
    }

    public Secret? EapPassword(Identity user, Identity server) => Open(Credentials.EapSecrets, user, server);

    /// <summary>The hash of a password, also where only the hash is configured.</summary>
    public Secret? NtHash(Identity user, Identity server)
    {
        using var password = EapPassword(user, server);
        if (password is not null) return Crypto.Eap.MsChapV2.NtHash(password.Span);
        var hash = Open(Credentials.NtHashes, user, server);
        if (hash is null or { Length: 16 }) return hash;
        hash.Dispose();
        return null;
    }

    // RFC 8784 §5.1: keys are named by octets, whatever kind of identity they would be elsewhere.
    public Secret? Ppk(string id)
    {
        var wanted = System.Text.Encoding.UTF8.GetBytes(id);
        var found = Credentials.Ppks.FirstOrDefault(p => p.Ids.Any(i => i.Data.Span.SequenceEqual(wanted) || i.ToString() == id));
        return found is null ? null : secrets.Open(found.Handle);
    }

    public void Dispose()
    {
        foreach (var key in _open.Values) key.Dispose();
        _open.Clear();
    }

    // A secret of the user, better one of user and server; one that names nobody is anybody's.
    private Secret? Open(IReadOnlyList<SharedSecret> all, Identity user, Identity server)
    {
        var best = all.Where(s => s.Ids.Count == 0 || s.Ids.Any(i => i.Match(user) > 0)).MaxBy(s => s.Match(server, user));
        return best is null ? null : secrets.Open(best.Handle);
    }
}
