using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>A pre-shared key item: whose it is, and where its value lies.</summary>
/// <param name="Ids">Identities that share it; none = anybody's.</param>
public sealed record SharedSecret(ValueList<Identity> Ids, KeyHandle Handle)
{
    /// <summary>How well it fits two identities, as strongSwan weighs it: both named, then one of them, then anybody's; 0 = not at all.</summary>
    public int Match(Identity local, Identity remote)
    {
        if (Ids.Count == 0) return 1;
        var (ours, theirs) = (Best(local), Best(remote));
        return ours == 0 && theirs == 0 ? 0 : 1 + ours + (theirs * 2);
    }

    private int Best(Identity identity)
    {
        var best = 0;
        foreach (var id in Ids.AsSpan()) best = Math.Max(best, id.Match(identity));
        return best;
    }
}
