using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of certificates; whether the data can be read says the parser that uses it (see <see cref="ValidationContext.Certificates"/>).</summary>
internal sealed class CertificateRules : ItemRules<CertificateSpec>
{
    // A revocation list of a large authority; a command holds at most 4 MB.
    private const int MaxLength = 3 * 1024 * 1024;

    protected override void Check(string name, CertificateSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Type != CertificateType.X509 && spec.Flag != CertificateFlag.None) at["flag"].Add(ErrorCode.NotApplicable, "Only X.509 certificates have a flag.");
        if (spec.Data.Length is 0 or > MaxLength) at["data"].Add(ErrorCode.OutOfRange, $"A certificate has 1–{MaxLength} characters.");
        else if (context.Certificates?.FaultOf(spec) is { } fault) at["data"].Add(ErrorCode.InvalidValue, fault);
    }
}

/// <summary>What must hold of authorities.</summary>
internal sealed class AuthorityRules : ItemRules<AuthoritySpec>
{
    private const int MaxUris = 16;

    protected override void Check(string name, AuthoritySpec spec, ValidationContext context, ErrorScope at)
    {
        CheckUris(spec.CrlUris, at["crl_uris"], "http", "https", "file");
        CheckUris(spec.OcspUris, at["ocsp_uris"], "http", "https");
    }

    protected override IEnumerable<Reference> References(AuthoritySpec spec) => [new(new(ItemCatalog.Certificate, spec.Cacert), ".cacert")];

    protected override void CheckAmong(AuthoritySpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (all.TryGetValue(new(ItemCatalog.Certificate, spec.Cacert), out var item) && item.Spec is CertificateSpec { Flag: not CertificateFlag.Ca })
            at["cacert"].Add(ErrorCode.Conflict, "The certificate is not flagged as that of an authority.");
    }

    private static void CheckUris(ValueList<string> uris, ErrorScope at, params string[] schemes)
    {
        if (uris.Count > MaxUris) at.Add(ErrorCode.TooMany, $"There are at most {MaxUris} places to ask.");
        for (var i = 0; i < uris.Count; i++)
            if (!Uri.TryCreate(uris[i], UriKind.Absolute, out var uri) || !schemes.Contains(uri.Scheme)) at[i].Add(ErrorCode.InvalidValue, $"Expected a URI of {string.Join(", ", schemes)}.");
    }
}
