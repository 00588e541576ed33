using System.Net;
using Gateway.Crypto;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>What a step may use beside its state and input. Everything in it is deterministic in tests.</summary>
public sealed record IkeContext(IEntropy Entropy, IkeSettings Settings, IDirectory Directory);

/// <summary>What an IKE SA can know of the gateway at once, without waiting.</summary>
public interface IDirectory
{
    Connection? Find(ConnectionName name);

    /// <summary>Connections that fit an IKE SA between two addresses, best first.</summary>
    IReadOnlyList<Connection> Between(IPAddress local, IPAddress remote);

    /// <summary>The pre-shared key of two identities, or null. The caller owns it.</summary>
    Secret? SharedKey(Identity local, Identity remote);

    /// <summary>Certificates, keys and secrets of the configuration.</summary>
    Credentials Credentials { get; }

    /// <summary>What is known of revocation.</summary>
    RevocationCache Revocation { get; }

    /// <summary>A private key of the vault, or null. The directory keeps it.</summary>
    PrivateKey? PrivateKey(KeyHandle handle);

    /// <summary>The EAP password of a user, or null. The caller owns it.</summary>
    Secret? EapPassword(Identity user, Identity server);

    /// <summary>The hash of the EAP password of a user (RFC 2759 §8.3), or null. The caller owns it.</summary>
    Secret? NtHash(Identity user, Identity server);

    /// <summary>A post-quantum pre-shared key by its id, or null. The caller owns it.</summary>
    Secret? Ppk(string id);

    /// <summary>The calendar's time, for certificates.</summary>
    DateTimeOffset TimeOfDay(Timestamp now);

    /// <summary>Our address on the way to a peer, when routing knows one.</summary>
    IPAddress? LocalAddressTowards(IPAddress remote);

    /// <summary>When a CHILD SA last carried a packet, in either direction; null when it did not, or nobody knows.</summary>
    Timestamp? LastCarried(ChildSaId child, Timestamp now);

    /// <summary>An address of the pools, or null. It is the IKE SA's when its peering names it after the step, else it goes back.</summary>
    Lease? Lease(LeaseRequest request);

    IkeSaId NextIkeSa();

    ChildSaId NextChildSa();

    /// <summary>Whether an ESP SPI of ours is taken.</summary>
    bool IsTaken(Spi spi);

    /// <summary>Whether an IKE SPI of ours is taken.</summary>
    bool IsTaken(Wire.IkeSpi spi);

    /// <summary>Whether another IKE SA between two identities is up.</summary>
    bool HasOther(Identity local, Identity remote, IkeSaId than);
}

/// <summary>Opens slots of the vault that hold pre-shared keys.</summary>
public interface ISecretSource
{
    /// <summary>The slot's content, or null when there is none. The caller owns it.</summary>
    Secret? Open(KeyHandle handle);
}
