using System.Collections.Immutable;
using Gateway.Crypto.KeyExchange;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>
/// The state of one IKE SA: a closed family, each member with what is valid then. A step consumes the state it is given;
/// the secrets in it belong to the state that the step returns.
/// </summary>
public abstract record IkeSaState
{
    private IkeSaState()
    {
    }

    public required Peering Peering { get; init; }

    /// <summary>The timers that run.</summary>
    public ImmutableDictionary<TimerId, Timestamp> Timers { get; init; } = ImmutableDictionary<TimerId, Timestamp>.Empty;

    /// <summary>Not authenticated yet.</summary>
    public abstract record Connecting : IkeSaState
    {
        private Connecting()
        {
        }

        /// <summary>Initiator: the peer's name is being resolved.</summary>
        public sealed record Resolving : Connecting
        {
            public required ValueList<ChildName> Wanted { get; init; }
        }

        /// <summary>Initiator: IKE_SA_INIT is outstanding.</summary>
        public sealed record InitSent : Connecting
        {
            public required ValueList<ChildName> Wanted { get; init; }

            public required IKeyExchange Exchange { get; init; }

            public required Octets Nonce { get; init; }

            /// <summary>What the peer wants to see first (RFC 7296 §2.6).</summary>
            public Octets Cookie { get; init; }

            /// <summary>How often the peer asked for a cookie or another key exchange method.</summary>
            public int Retries { get; init; }

            public required Outstanding Request { get; init; }
        }

        /// <summary>Initiator: IKE_AUTH is outstanding.</summary>
        public sealed record AuthSent : Connecting
        {
            public required Channel Channel { get; init; }

            public required InitTranscript Init { get; init; }

            /// <summary>Null when no child is wanted (RFC 6023).</summary>
            public ChildOffer? Offer { get; init; }

            /// <summary>Children to be made once the IKE SA stands.</summary>
            public ValueList<ChildName> Wanted { get; init; }

            public Login Login { get; init; } = new();
        }

        /// <summary>Responder: IKE_SA_INIT is answered, IKE_AUTH is awaited. Half open.</summary>
        public sealed record InitAnswered : Connecting
        {
            public required Channel Channel { get; init; }

            public required InitTranscript Init { get; init; }

            public Login Login { get; init; } = new();
        }
    }

    /// <summary>Authenticated by both sides.</summary>
    public sealed record Established : IkeSaState
    {
        public required Channel Channel { get; init; }

        public ValueList<ChildSa> Children { get; init; }

        /// <summary>The exchange that is outstanding.</summary>
        public OwnTask? Task { get; init; }

        public ValueList<Wish> Queue { get; init; }

        /// <summary>
        /// Made by the peer's half of a collision of IKE rekeyings: whether it inherits the children is not known yet (RFC 7296 §2.8.2), and what the
        /// peer asks about them has to wait.
        /// </summary>
        public bool AwaitsEstate { get; init; }

        /// <summary>SPIs of children that the peer deleted before they were inherited.</summary>
        public ValueList<Spi> Doomed { get; init; }

        /// <summary>What the peer could not do at the time (TEMPORARY_FAILURE); queued again when the retry timer runs out.</summary>
        public ValueList<Wish> Deferred { get; init; }
    }

    /// <summary>Rekeyed by the peer, who has yet to delete it.</summary>
    public sealed record Replaced : IkeSaState
    {
        public required Channel Channel { get; init; }
    }

    /// <summary>Our delete is outstanding. There are no CHILD SAs any more.</summary>
    public sealed record Deleting : IkeSaState
    {
        public required Channel Channel { get; init; }

        /// <summary>Why, as <see cref="Policy.Events.IkeSaClosed"/> will say; null when the SA was never established.</summary>
        public required string? Reason { get; init; }

        /// <summary>Children to be set up again in a new IKE SA when this one is gone.</summary>
        public ValueList<ChildName> Again { get; init; }
    }

    /// <summary>Over; nothing is left of it.</summary>
    public sealed record Gone : IkeSaState
    {
        public required string Reason { get; init; }
    }

    /// <summary>Overwrites the secrets of a state that nobody goes on with.</summary>
    internal void Release()
    {
        ChannelOrNull?.Keys.Dispose();
        switch (this)
        {
            case Connecting.InitSent s: s.Exchange.Dispose(); break;
            case Connecting.AuthSent s:
                s.Offer?.Exchange?.Dispose();
                s.Login.Release();
                break;
            case Connecting.InitAnswered s: s.Login.Release(); break;
            case Established { Task: OwnTask.CreatingChild t }: t.Offer.Exchange?.Dispose(); break;
            case Established { Task: OwnTask.RekeyingChild t }: t.Offer.Exchange?.Dispose(); break;
            case Established { Task: OwnTask.RekeyingIke t }: t.Offer.Exchange.Dispose(); break;
            default: break;
        }
    }

    /// <summary>The protected channel, in the states that have one.</summary>
    public Channel? ChannelOrNull => this switch
    {
        Connecting.AuthSent s => s.Channel,
        Connecting.InitAnswered s => s.Channel,
        Established s => s.Channel,
        Replaced s => s.Channel,
        Deleting s => s.Channel,
        _ => null,
    };
}

/// <summary>The first exchange as it was on the wire: both sides sign it (RFC 7296 §2.15).</summary>
public sealed record InitTranscript(Octets Request, Octets Response, Octets InitiatorNonce, Octets ResponderNonce);
