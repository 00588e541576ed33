using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Host.Control;

/// <summary>Takes accepted SA commands to the IKE engine. What comes of one follows as facts whose cause is <see cref="SaRequest.Position"/>.</summary>
public interface ISaCommands
{
    /// <summary>Hands the request over; returns at once and does not throw.</summary>
    void Submit(SaRequest request);
}

/// <summary>An accepted SA command.</summary>
/// <param name="Child">Null: the IKE SA with all its children.</param>
/// <param name="Number">The one IKE SA, or with a child the one CHILD SA; null = all of that name.</param>
/// <param name="Position">Position of its event in the journal.</param>
public sealed record SaRequest(SaVerb Verb, ConnectionName Connection, ChildName? Child, string CommandId, long Position, ulong? Number = null, bool Reauth = false);
