using System.Text;
using Gateway.Crypto;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Scenarios.Ike;

/// <summary>The credentials of a peer, put together piece by piece.</summary>
internal sealed class TestCredentials
{
    private readonly Dictionary<KeyHandle, byte[]> _values = [];
    private readonly List<NamedCertificate> _endEntities = [];
    private readonly List<NamedCertificate> _authorities = [];
    private readonly List<RevocationList> _lists = [];
    private readonly List<NamedKey> _publicKeys = [];
    private readonly List<HeldKey> _keys = [];
    private readonly List<SharedSecret> _eap = [];
    private readonly List<SharedSecret> _ppks = [];

    public Credentials All => new()
    {
        EndEntities = [.. _endEntities],
        Authorities = [.. _authorities],
        Lists = [.. _lists],
        PublicKeys = [.. _publicKeys],
        PrivateKeys = [.. _keys],
        EapSecrets = [.. _eap],
        Ppks = [.. _ppks],
    };

    public Secret? Open(KeyHandle handle) => _values.TryGetValue(handle, out var value) ? Secret.FromBytes(value) : null;

    public TestCredentials Trust(params TestCertificate[] authorities)
    {
        foreach (var authority in authorities) _authorities.Add(new NamedCertificate(authority.Dn, authority.Read()));
        return this;
    }

    public TestCredentials Own(string name, TestCertificate certificate)
    {
        _endEntities.Add(new NamedCertificate(name, certificate.Read()));
        return Hold(certificate.Key);
    }

    public TestCredentials Know(string name, TestCertificate certificate)
    {
        _endEntities.Add(new NamedCertificate(name, certificate.Read()));
        return this;
    }

    public TestCredentials Hold(TestKey key)
    {
        _keys.Add(new HeldKey(key.Key.Public.InfoHash(), Keep(key.Pkcs8)));
        return this;
    }

    public TestCredentials Know(string name, TestKey key)
    {
        _publicKeys.Add(new NamedKey(name, new Octets(key.Key.Public.Info.Span), key.Key.Public.InfoHash()));
        return this;
    }

    public TestCredentials Know(byte[] list)
    {
        if (!RevocationList.TryRead(list, out var read, out var error)) throw new InvalidOperationException(error);
        _lists.Add(read);
        return this;
    }

    public TestCredentials Password(string user, string password)
    {
        _eap.Add(new SharedSecret([Id(user)], Keep(Encoding.UTF8.GetBytes(password))));
        return this;
    }

    public TestCredentials Ppk(string id, string value)
    {
        _ppks.Add(new SharedSecret([Id(id)], Keep(Encoding.UTF8.GetBytes(value))));
        return this;
    }

    private KeyHandle Keep(byte[] value)
    {
        var handle = new KeyHandle(new UInt128(0xcafe, (ulong)_values.Count + 1));
        _values[handle] = value;
        return handle;
    }

    private static Identity Id(string text) => Identity.TryParse(text, out var id) ? id : throw new FormatException(text);
}
