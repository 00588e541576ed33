using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>
/// What was learned of revocation until it runs out, and which places did not answer. Shared by the IKE SAs of an engine; bounded; not for several threads.
/// </summary>
public sealed class RevocationCache
{
    private const int MaxAnswers = 10_000;
    private const int MaxLists = 64;
    private const int MaxSilent = 1_000;

    /// <summary>A place that did not answer is not asked again for this long, so that it does not hold up every set-up.</summary>
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(60);

    /// <summary>How long an answer holds that does not say so.</summary>
    private static readonly TimeSpan _short = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(Octets Issuer, Octets Serial), (OcspAnswer Answer, DateTimeOffset Until)> _answers = [];
    private readonly List<RevocationList> _lists = [];
    private readonly Dictionary<string, DateTimeOffset> _silent = [];

    public IReadOnlyList<RevocationList> Lists => _lists;

    public OcspAnswer? Find(Certificate certificate, DateTimeOffset now) =>
        _answers.TryGetValue((certificate.Issuer, certificate.Serial), out var known) && known.Until > now ? known.Answer : null;

    public void Add(Certificate certificate, OcspAnswer answer, DateTimeOffset now)
    {
        if (_answers.Count >= MaxAnswers) _answers.Clear();
        _answers[(certificate.Issuer, certificate.Serial)] = (answer, answer.NextUpdate ?? now + _short);
    }

    public void Add(RevocationList list)
    {
        _lists.RemoveAll(l => l.Issuer == list.Issuer && l.AuthorityKeyId == list.AuthorityKeyId && l.OnlyUsers == list.OnlyUsers && l.OnlyAuthorities == list.OnlyAuthorities);
        if (_lists.Count >= MaxLists) _lists.RemoveAt(0);
        _lists.Add(list);
    }

    public bool IsSilent(string uri, DateTimeOffset now) => _silent.TryGetValue(uri, out var until) && until > now;

    public void SetSilent(string uri, DateTimeOffset now)
    {
        if (_silent.Count >= MaxSilent) _silent.Clear();
        _silent[uri] = now + _silence;
    }

    /// <summary>Forgets everything, so that it is asked for again.</summary>
    public void Clear()
    {
        _answers.Clear();
        _lists.Clear();
        _silent.Clear();
    }
}
