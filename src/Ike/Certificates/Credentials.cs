using Gateway.Ike.Engine;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Certificates;

/// <summary>A certificate of the configuration.</summary>
/// <param name="Name">Of its item.</param>
public sealed record NamedCertificate(string Name, Certificate Certificate);

/// <summary>A raw public key of the configuration (RFC 7670).</summary>
public sealed record NamedKey(string Name, Octets Info, Octets InfoHash);

/// <summary>A private key: the public key that it belongs to, and its slot in the vault.</summary>
public sealed record HeldKey(Octets InfoHash, KeyHandle Handle);

/// <summary>Where to ask about the certificates of one authority, beside the places that they name.</summary>
public sealed record AuthorityPlaces(Certificate Authority, ValueList<string> CrlUris, ValueList<string> OcspUris);

/// <summary>Everything that authentication may use of the configuration, beside pre-shared keys of IKE. Immutable.</summary>
public sealed class Credentials
{
    public static Credentials None { get; } = new();

    /// <summary>End entities: own ones, and peers' that are trusted as they stand.</summary>
    public IReadOnlyList<NamedCertificate> EndEntities { get; init; } = [];

    public IReadOnlyList<NamedCertificate> Authorities { get; init; } = [];

    /// <summary>Certificates of authorities: the trusted ones first, then those that lie among the end entities and only lead to a trusted one.</summary>
    public IEnumerable<Certificate> Issuers => Authorities.Concat(EndEntities.Where(e => e.Certificate.IsCa)).Select(a => a.Certificate);

    public IReadOnlyList<NamedCertificate> OcspSigners { get; init; } = [];

    public IReadOnlyList<RevocationList> Lists { get; init; } = [];

    public IReadOnlyList<NamedKey> PublicKeys { get; init; } = [];

    public IReadOnlyList<HeldKey> PrivateKeys { get; init; } = [];

    public IReadOnlyList<AuthorityPlaces> Places { get; init; } = [];

    /// <summary>Passwords of EAP.</summary>
    public IReadOnlyList<SharedSecret> EapSecrets { get; init; } = [];

    /// <summary>Hashes of passwords, for EAP-MSCHAPv2.</summary>
    public IReadOnlyList<SharedSecret> NtHashes { get; init; } = [];

    /// <summary>Post-quantum pre-shared keys.</summary>
    public IReadOnlyList<SharedSecret> Ppks { get; init; } = [];

    /// <summary>Certificates by the names of their items, whatever they are for.</summary>
    public IEnumerable<Certificate> Named(ValueList<string> names) =>
        EndEntities.Concat(Authorities).Where(c => names.Contains(c.Name)).OrderBy(c => Index(names, c.Name)).Select(c => c.Certificate);

    public IEnumerable<NamedKey> NamedKeys(ValueList<string> names) => PublicKeys.Where(k => names.Contains(k.Name)).OrderBy(k => Index(names, k.Name));

    public KeyHandle? PrivateKeyOf(Octets infoHash) => PrivateKeys.Where(k => k.InfoHash == infoHash).Select(k => (KeyHandle?)k.Handle).FirstOrDefault();

    /// <summary>Names of the certificates and raw public keys whose private key is there too.</summary>
    public IEnumerable<string> Owned()
    {
        var held = PrivateKeys.Select(k => k.InfoHash).ToHashSet();
        return EndEntities.Concat(Authorities).Concat(OcspSigners).Where(c => held.Contains(c.Certificate.KeyInfoHash)).Select(c => c.Name)
            .Concat(PublicKeys.Where(k => held.Contains(k.InfoHash)).Select(k => k.Name));
    }

    private static int Index(ValueList<string> names, string name) => names.AsSpan().IndexOf(name);
}
