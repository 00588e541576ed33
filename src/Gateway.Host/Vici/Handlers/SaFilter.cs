using Gateway.Host.Vici.Wire;
using Gateway.Ike.Engine;

namespace Gateway.Host.Vici.Handlers;

/// <summary>Which SAs a request means: by name or number, of the IKE SA or of the CHILD SA.</summary>
internal sealed record SaFilter(string? Ike, string? IkeId, string? Child, string? ChildId)
{
    /// <summary>strongSwan took <c>ike_id</c> before 5.0.2 and takes <c>ike-id</c> since.</summary>
    public static SaFilter Of(ViciSection request) => new(
        Text(request["ike"]), Text(request["ike-id"] ?? request["ike_id"]), Text(request["child"]), Text(request["child-id"] ?? request["child_id"]));

    public bool IsEmpty => Ike is null && IkeId is null && !OfChildren;

    /// <summary>It is about CHILD SAs.</summary>
    public bool OfChildren => Child is not null || ChildId is not null;

    public bool Takes(IkeSaView sa) => (Ike ?? sa.Connection.Value) == sa.Connection.Value && (IkeId ?? sa.Id.ToString()) == sa.Id.ToString();

    public bool Takes(ChildSaView child) => (Child ?? child.Parameters.Child.Value) == child.Parameters.Child.Value && (ChildId ?? child.Parameters.Id.ToString()) == child.Parameters.Id.ToString();

    // swanctl leaves out what was not given, others send it empty or as 0.
    private static string? Text(string? value) => value is "" or "0" ? null : value;
}
