using Gateway.Ike.Sa;

namespace Gateway.Ike.Engine;

/// <summary>The pre-shared keys in force, by the identities that share them.</summary>
internal sealed class SecretIndex
{
    private readonly IReadOnlyList<SharedSecret> _all;
    private readonly Dictionary<Identity, List<SharedSecret>> _byId = [];

    public SecretIndex(IReadOnlyList<SharedSecret> secrets)
    {
        _all = secrets;
        foreach (var secret in secrets)
            foreach (var id in secret.Ids.Where(i => !i.IsPattern).Select(i => i.Folded()).Distinct())
            {
                if (!_byId.TryGetValue(id, out var its)) _byId.Add(id, its = []);
                its.Add(secret);
            }
    }

    public static SecretIndex Empty { get; } = new([]);

    /// <summary>The key that fits two identities best, the first of equals; null when none does.</summary>
    public SharedSecret? Find(Identity local, Identity remote)
    {
        // Nothing fits better than a key that names both exactly, and all of these lie under the peer's name.
        if (!local.IsPattern && !remote.IsPattern && _byId.TryGetValue(remote.Folded(), out var its)
            && its.FirstOrDefault(s => s.Ids.Any(i => !i.IsPattern && i.Match(local) > 0)) is { } exact) return exact;
        SharedSecret? best = null;
        var bestScore = 0;
        foreach (var secret in _all)
        {
            var score = secret.Match(local, remote);
            if (score > bestScore) (best, bestScore) = (secret, score);
        }

        return best;
    }
}
