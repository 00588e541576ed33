using System.Net;
using Gateway.Crypto;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>
/// Everything that an IKE SA asks of the world: a closed family. The list of a step is ordered: what is stored, then the facts,
/// then the dataplane, then what is sent; each must be done before the next of the same SA.
/// </summary>
public abstract record IkeOutput
{
    private IkeOutput()
    {
    }

    /// <summary>Put <paramref name="Content"/> in the vault's slot, in place of what is there. The receiver owns and disposes the content.</summary>
    /// <param name="Slot">An IKE SA's slot (see <see cref="IkeSaSnapshot"/>), or that of one direction's KEYMAT.</param>
    public sealed record Store(KeyHandle Slot, Secret Content) : IkeOutput;

    /// <summary>Append a fact to the journal.</summary>
    public sealed record Fact(GatewayEvent Event) : IkeOutput;

    /// <summary>Hand a CHILD SA to the dataplane. Doing it twice must be harmless.</summary>
    /// <param name="Parameters">Both directions.</param>
    /// <param name="OutboundHeld">
    /// Receive with it at once, but go on sending with the SA that it replaces until <see cref="UseOutbound"/>: the peer may not have installed it yet (RFC 7296 §2.8).
    /// </param>
    public sealed record Install(ChildSaParameters Parameters, bool OutboundHeld) : IkeOutput;

    /// <summary>The peer has the CHILD SA too: send with it from now on.</summary>
    public sealed record UseOutbound(ChildSaId Child) : IkeOutput;

    /// <summary>The same CHILD SA between other addresses or ports.</summary>
    public sealed record Update(ChildSaParameters Parameters) : IkeOutput;

    public sealed record Uninstall(ChildSaId Child) : IkeOutput;

    /// <summary>Overwrite a slot of the vault; after the facts that end its SA.</summary>
    public sealed record Shred(KeyHandle Slot) : IkeOutput;

    /// <summary>Send a UDP datagram; <paramref name="Payload"/> begins with the non-ESP marker where it needs one.</summary>
    public sealed record Send(IPEndPoint Local, IPEndPoint Remote, ReadOnlyMemory<byte> Payload) : IkeOutput
    {
        /// <summary>Differentiated services codepoint (RFC 2474) of the packet, 0–63.</summary>
        public byte Dscp { get; init; }
    }

    public sealed record SetTimer(TimerId Id, Timestamp At) : IkeOutput;

    public sealed record CancelTimer(TimerId Id) : IkeOutput;

    /// <summary>An address that a peer gave us is ours: answer for it.</summary>
    public sealed record AddAddress(IPAddress Address) : IkeOutput;

    /// <summary>An address that a peer gave us is ours no more.</summary>
    public sealed record RemoveAddress(IPAddress Address) : IkeOutput;

    /// <summary>A question whose answer may take long; it comes back as <see cref="IkeInput.Answer"/>.</summary>
    public abstract record Ask : IkeOutput
    {
        private Ask(IkeSaId by) => By = by;

        /// <summary>Whose answer it will be.</summary>
        public IkeSaId By { get; }

        /// <summary>The addresses of a name.</summary>
        public sealed record Resolve(IkeSaId By, string Name) : Ask(By);

        /// <summary>A revocation list or an OCSP response over HTTP.</summary>
        public sealed record Fetch(IkeSaId By, Certificates.Lookup Lookup) : Ask(By);
    }

    /// <summary>A rekeyed IKE SA was born; it is stepped on its own from now on.</summary>
    public sealed record Successor(IkeSaState State) : IkeOutput;

    /// <summary>Give CHILD SAs to another IKE SA as <see cref="IkeInput.Inherit"/>; its outputs come before the rest of this list.</summary>
    public sealed record Handover(IkeSaId To, IkeInput.Inherit Estate) : IkeOutput;

    /// <summary>End other IKE SAs between the same identities (RFC 7296 §2.4, uniqueness).</summary>
    /// <param name="Silently">The peer has forgotten them.</param>
    public sealed record Supersede(IkeSaId By, Identity LocalId, Identity RemoteId, bool Silently) : IkeOutput;

    /// <summary>Set the children up anew in another IKE SA (<c>dpd_action</c> and <c>close_action</c> = start, further tries).</summary>
    public sealed record Restart(ConnectionName Connection, IReadOnlyList<ChildName> Children, int Try = 1) : IkeOutput;

    /// <summary>A message came or went; only while <see cref="IkeSettings.Trace"/> is on.</summary>
    public sealed record Traced(IkeSaId By, ConnectionName Connection, MessageTrace Message) : IkeOutput;

    /// <summary>Begin an IKE SA with these children beside <paramref name="Old"/>, which is closed when it stands.</summary>
    public sealed record Reauthenticate(Peering Old, ValueList<ChildName> Children) : IkeOutput;

    /// <summary>Close another IKE SA, in whose place the one that says so stands.</summary>
    public sealed record Retire(IkeSaId IkeSa, string Reason) : IkeOutput;

    /// <summary>A packet that needs the child sets it up again (<c>dpd_action</c> and <c>close_action</c> = trap).</summary>
    public sealed record Trap(ConnectionName Connection, ChildName Child) : IkeOutput;

    /// <summary>A datagram was not taken; it is only counted.</summary>
    public sealed record Drop(IkeDrop Reason) : IkeOutput;
}
