using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>Where a CHILD SA stands in its life.</summary>
public enum ChildStage : byte
{
    Active,

    /// <summary>A newer one stands in its place; the side that made the newer one deletes this (RFC 7296 §2.8).</summary>
    Replaced,

    /// <summary>We asked the peer to delete it.</summary>
    Closing,
}

/// <summary>One CHILD SA of an IKE SA. Its keys are in the vault and the dataplane only.</summary>
/// <param name="Proposal">As strongSwan writes it.</param>
/// <param name="Replaces">The one that it was made to replace.</param>
/// <param name="OutboundHeld">Receives, but does not send before the replaced one is deleted.</param>
/// <param name="Installed">False for the loser of a collision, which only lives to be deleted.</param>
public sealed record ChildSa(
    ChildSaParameters Parameters, string Proposal, ChildStage Stage = ChildStage.Active, ChildSaId? Replaces = null, bool OutboundHeld = false, bool Installed = true)
{
    public ChildSaId Id => Parameters.Id;

    public ChildName Name => Parameters.Child;
}
