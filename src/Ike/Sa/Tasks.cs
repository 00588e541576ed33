using Gateway.Crypto.KeyExchange;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>Something to do with the peer as soon as no other request of ours is outstanding: a closed family.</summary>
public abstract record Wish
{
    private Wish()
    {
    }

    public sealed record CreateChild(ChildName Child) : Wish;

    public sealed record RekeyChild(ChildSaId Child) : Wish;

    public sealed record RekeyIke : Wish;

    public sealed record CloseChild(ChildSaId Child, string Reason) : Wish;

    public sealed record CloseIke(string Reason) : Wish;

    /// <summary>Break the IKE SA and make a new one with the same children.</summary>
    public sealed record Reauthenticate : Wish;

    public sealed record CheckLiveness : Wish;

    /// <summary>Move to the addresses that the IKE SA has now (RFC 4555 §3.5).</summary>
    public sealed record UpdateAddresses : Wish;
}

/// <summary>The exchange of ours that is outstanding: a closed family.</summary>
public abstract record OwnTask
{
    private OwnTask()
    {
    }

    public sealed record CreatingChild(ChildOffer Offer) : OwnTask;

    public sealed record RekeyingChild(ChildSaId Old, ChildOffer Offer, ChildRival? Rival = null) : OwnTask;

    public sealed record RekeyingIke(IkeOffer Offer, IkeRival? Rival = null) : OwnTask;

    public sealed record ClosingChildren(ValueList<ChildSaId> Children, string Reason) : OwnTask;

    public sealed record CheckingLiveness : OwnTask;

    /// <param name="Cookie">What the answer must hold.</param>
    public sealed record UpdatingAddresses(Octets Cookie) : OwnTask;
}

/// <summary>What we offered for a CHILD SA, and our half of its key exchange.</summary>
/// <param name="Proposals">As sent, with our SPI.</param>
/// <param name="Exchange">Null without perfect forward secrecy, and in IKE_AUTH.</param>
/// <param name="Retries">How often the peer asked for another key exchange method.</param>
/// <param name="Doomed">
/// SPIs that the peer deleted while the answer was awaited and that we do not know: the delete may have overtaken the answer that tells of them.
/// </param>
public sealed record ChildOffer(
    ChildName Child,
    Spi InboundSpi,
    Octets Nonce,
    IKeyExchange? Exchange,
    ValueList<Proposal> Proposals,
    ValueList<TrafficSelector> Local,
    ValueList<TrafficSelector> Remote,
    int Retries = 0,
    ValueList<Spi> Doomed = default);

/// <summary>What we offered for the IKE SA that shall replace this one.</summary>
public sealed record IkeOffer(IkeSpi Spi, Octets Nonce, IKeyExchange Exchange, ValueList<Proposal> Proposals, int Retries = 0);

/// <summary>The CHILD SA that the peer's crossing request made of the same old one (RFC 7296 §2.8.1).</summary>
/// <param name="LowestNonce">The lower of the two nonces of that exchange.</param>
public sealed record ChildRival(ChildSaId Child, Octets LowestNonce);

/// <summary>The IKE SA that the peer's crossing request made of this one (RFC 7296 §2.8.2).</summary>
public sealed record IkeRival(IkeSaId IkeSa, Octets LowestNonce);
