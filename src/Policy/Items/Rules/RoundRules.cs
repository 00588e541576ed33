using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of the authentication rounds of a connection's side.</summary>
internal static class RoundRules
{
    private const int MaxRounds = 8;
    private const int MaxCertificates = 32;

    public static void Check(ValueList<AuthenticationRound> rounds, bool local, ErrorScope at)
    {
        if (rounds.Count == 0) at.Add(ErrorCode.MissingField, "There must be one authentication round.");
        if (rounds.Count > MaxRounds) at.Add(ErrorCode.TooMany, $"There are at most {MaxRounds} authentication rounds.");
        for (var i = 0; i < rounds.Count && i < MaxRounds; i++) Check(rounds[i], local, at[i]);
    }

    public static IEnumerable<Reference> References(ConnectionSpec spec) =>
        Named(spec.Local, ".local").Concat(Named(spec.Remote, ".remote"));

    private static void Check(AuthenticationRound round, bool local, ErrorScope at)
    {
        CheckIdentity(round.Id, at["id"]);
        CheckIdentity(round.EapId, at["eap_id"]);
        CheckIdentity(round.AaaId, at["aaa_id"]);
        CheckIdentity(round.CaId, at["ca_id"]);
        if (round.Certs.Count + round.Cacerts.Count + round.Pubkeys.Count > MaxCertificates) at["certs"].Add(ErrorCode.TooMany, $"A round has at most {MaxCertificates} certificates.");
        for (var i = 0; i < round.CertPolicy.Count; i++)
            if (!IsOid(round.CertPolicy[i])) at["cert_policy"][i].Add(ErrorCode.InvalidValue, "Expected an object identifier such as 1.3.6.1.4.1.1.");
        if (round.Auth.Method != AuthenticationMethod.Eap && round.EapId is not null) at["eap_id"].Add(ErrorCode.NotApplicable, "Only rounds of EAP have an EAP identity.");
        if (round.Auth.Method == AuthenticationMethod.Psk && round.Certs.Count + round.Cacerts.Count + round.Pubkeys.Count > 0)
            at["certs"].Add(ErrorCode.NotApplicable, "A pre-shared key goes without certificates.");
        if (local && round.Cacerts.Count > 0) at["cacerts"].Add(ErrorCode.NotApplicable, "Authorities are asked of the peer only.");
        if (local && round.CaId is not null) at["ca_id"].Add(ErrorCode.NotApplicable, "Authorities are asked of the peer only.");
        if (local && round.CertPolicy.Count > 0) at["cert_policy"].Add(ErrorCode.NotApplicable, "Policies are asked of the peer only.");
        if (local && round.Revocation != RevocationPolicy.Relaxed) at["revocation"].Add(ErrorCode.NotApplicable, "Revocation is asked of the peer only.");
        if (!local && round.AaaId is not null) at["aaa_id"].Add(ErrorCode.NotApplicable, "Only the own side of EAP expects another server.");
    }

    private static void CheckIdentity(string? id, ErrorScope at)
    {
        if (id is not null && !Names.IsPrintable(id, ConnectionRules.MaxIdentity)) at.Add(ErrorCode.InvalidValue, $"An identity has 1–{ConnectionRules.MaxIdentity} printable characters.");
    }

    private static bool IsOid(string text) =>
        text.Length <= 128 && text.Split('.') is { Length: > 1 } parts && parts[0] is "0" or "1" or "2" && text.Split('.').All(p => p.Length is > 0 and < 19 && p.All(char.IsAsciiDigit))
        && int.TryParse(text.Split('.')[1], out var second) && second < 176;

    private static IEnumerable<Reference> Named(ValueList<AuthenticationRound> rounds, string path)
    {
        for (var i = 0; i < rounds.Count; i++)
        {
            var round = rounds[i];
            foreach (var (names, member) in new[] { (round.Certs, "certs"), (round.Pubkeys, "pubkeys"), (round.Cacerts, "cacerts") })
                for (var n = 0; n < names.Count; n++) yield return new(new(ItemCatalog.Certificate, names[n]), $"{path}[{i}].{member}[{n}]");
        }
    }
}
