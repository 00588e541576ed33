using System.Collections.Immutable;
using System.Net;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>Everything that can happen to an IKE SA, with the moment at which it happened: a closed family.</summary>
public abstract record IkeInput
{
    private IkeInput(Timestamp now) => Now = now;

    public Timestamp Now { get; }

    /// <summary>An IKE message without the non-ESP marker.</summary>
    /// <param name="Natt">It came on the NAT traversal port, where answers carry the marker too (RFC 3948 §2.2).</param>
    public sealed record Datagram(Timestamp Now, IPEndPoint Local, IPEndPoint Remote, ReadOnlyMemory<byte> Message, bool Natt) : IkeInput(Now);

    /// <summary>A timer that was set ran out.</summary>
    public sealed record Timer(Timestamp Now, TimerId Id) : IkeInput(Now);

    /// <summary>What an operator, or the gateway itself, wants of the SA.</summary>
    public abstract record Command : IkeInput
    {
        private Command(Timestamp now)
            : base(now)
        {
        }

        public sealed record InitiateChild(Timestamp Now, ChildName Child) : Command(Now);

        public sealed record RekeyIkeSa(Timestamp Now) : Command(Now);

        /// <param name="Only">One of that name; null = all.</param>
        public sealed record RekeyChild(Timestamp Now, ChildName Child, ChildSaId? Only = null) : Command(Now);

        public sealed record TerminateIkeSa(Timestamp Now, string Reason) : Command(Now);

        /// <summary>Authenticate anew: with a new IKE SA in this one's place.</summary>
        public sealed record Reauthenticate(Timestamp Now) : Command(Now);

        /// <inheritdoc cref="RekeyChild"/>
        public sealed record TerminateChild(Timestamp Now, ChildName Child, string Reason, ChildSaId? Only = null) : Command(Now);

        /// <summary>Forget the SA without a word to the peer, who has forgotten it already (RFC 7296 §2.4).</summary>
        public sealed record Abandon(Timestamp Now, string Reason) : Command(Now);
    }

    /// <summary>The answer to an <see cref="IkeOutput.Ask"/>.</summary>
    public abstract record Answer : IkeInput
    {
        private Answer(Timestamp now)
            : base(now)
        {
        }

        /// <summary>The addresses of a name, none when it does not resolve.</summary>
        public sealed record Addresses(Timestamp Now, ValueList<IPAddress> Found) : Answer(Now);

        /// <summary>What a place said; empty when it did not answer.</summary>
        /// <param name="Key">Of the <see cref="Certificates.Lookup"/>.</param>
        public sealed record Fetched(Timestamp Now, string Key, Octets Content) : Answer(Now);
    }

    /// <summary>What the dataplane saw.</summary>
    public abstract record Notice : IkeInput
    {
        private Notice(Timestamp now)
            : base(now)
        {
        }

        /// <summary>A packet needs a CHILD SA that is not there.</summary>
        public sealed record Acquire(Timestamp Now, ChildName Child) : Notice(Now);

        /// <summary>A CHILD SA comes near to (soft) or is at (hard) the end of its bytes, packets or sequence numbers.</summary>
        public sealed record Lifetime(Timestamp Now, ChildSaId Child, bool Hard) : Notice(Now);

        /// <summary>When a CHILD SA last carried a packet from the peer: a proof of life (RFC 7296 §2.4).</summary>
        public sealed record LastUsed(Timestamp Now, ChildSaId Child, Timestamp At) : Notice(Now);

        /// <summary>When a CHILD SA last carried a packet, in either direction: it is not idle.</summary>
        public sealed record Carried(Timestamp Now, ChildSaId Child, Timestamp At) : Notice(Now);

        /// <summary>Our addresses or routes have changed.</summary>
        public sealed record WaysChanged(Timestamp Now) : Notice(Now);

        /// <summary>An authenticated packet came from another address or port of the peer (RFC 7296 §2.23).</summary>
        public sealed record NewAddress(Timestamp Now, ChildSaId Child, IPEndPoint Remote) : Notice(Now);
    }

    /// <summary>CHILD SAs of a rekeyed IKE SA go over to this one (RFC 7296 §2.8).</summary>
    /// <param name="IsPassedOver">Another one has inherited, and the peer, who made this one, closes it.</param>
    public sealed record Inherit(Timestamp Now, IkeSaId From, Inheritance Estate, bool IsPassedOver = false) : IkeInput(Now);
}

/// <summary>What a replaced IKE SA leaves: its CHILD SAs, what is still to be done with them, and their timers.</summary>
public sealed record Inheritance(ValueList<ChildSa> Children, ValueList<Wish> Queue, ImmutableDictionary<TimerId, Timestamp> Timers)
{
    public static Inheritance None { get; } = new([], [], ImmutableDictionary<TimerId, Timestamp>.Empty);
}
