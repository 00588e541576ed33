using Gateway.Crypto.Signatures;
using Gateway.Host.Control;
using Gateway.Ike.Certificates;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Host.Descriptors;

/// <summary>Makes the engine's credentials of certificate, authority and secret items. What was parsed once is kept as long as its item stays.</summary>
internal sealed class CredentialLoader(ISecretVault vault)
{
    private Dictionary<Item, object> _parsed = new(ReferenceEqualityComparer.Instance);

    public Credentials Load(IReadOnlyCollection<Item> items)
    {
        var parsed = new Dictionary<Item, object>(ReferenceEqualityComparer.Instance);
        var (endEntities, authorities, signers) = (new List<NamedCertificate>(), new List<NamedCertificate>(), new List<NamedCertificate>());
        var (lists, keys, privates) = (new List<RevocationList>(), new List<NamedKey>(), new List<HeldKey>());
        var (eap, ntlm, ppks) = (new List<SharedSecret>(), new List<SharedSecret>(), new List<SharedSecret>());
        foreach (var item in items)
        {
            if (item.Spec is CertificateSpec spec && Parsed(item, () => CertificateData.Read(spec, out _)) is { } content)
            {
                parsed[item] = content;
                switch (content)
                {
                    case Certificate certificate:
                        (spec.Flag switch { CertificateFlag.Ca => authorities, CertificateFlag.Ocsp => signers, _ => endEntities }).Add(new NamedCertificate(item.Key.Name, certificate));
                        break;
                    case RevocationList list: lists.Add(list); break;
                    case NamedKey key: keys.Add(key with { Name = item.Key.Name }); break;
                }
            }
            else if (item.Spec is SecretSpec { Type: not SecretType.Ike } secret && vault.Holds(secret.Handle))
            {
                if (secret.Type == SecretType.Private)
                {
                    if (Parsed(item, () => KeyOf(secret)) is not HeldKey key) continue;
                    parsed[item] = key;
                    privates.Add(key);
                }
                else
                {
                    (secret.Type switch { SecretType.Eap => eap, SecretType.Ntlm => ntlm, _ => ppks }).Add(new SharedSecret(Identities(secret.Ids), secret.Handle));
                }
            }
        }

        _parsed = parsed;
        var byName = authorities.ToDictionary(a => a.Name, a => a.Certificate);
        return new Credentials
        {
            EndEntities = endEntities,
            Authorities = authorities,
            OcspSigners = signers,
            Lists = lists,
            PublicKeys = keys,
            PrivateKeys = privates,
            EapSecrets = eap,
            NtHashes = ntlm,
            Ppks = ppks,
            Places = [.. items.Select(i => i.Spec).OfType<AuthoritySpec>().Where(a => byName.ContainsKey(a.Cacert)).Select(a => new AuthorityPlaces(byName[a.Cacert], a.CrlUris, a.OcspUris))],
        };
    }

    public static ValueList<Identity> Identities(ValueList<string> texts)
    {
        var ids = new List<Identity>();
        foreach (var text in texts)
            if (Identity.TryParse(text, out var id)) ids.Add(id);
        return ids.ToValueList();
    }

    private object? Parsed(Item item, Func<object?> read) => _parsed.TryGetValue(item, out var known) ? known : read();

    private HeldKey? KeyOf(SecretSpec secret)
    {
        using var content = vault.Open(secret.Handle);
        if (content is null || !PrivateKey.TryParse(content.Span, out var key)) return null;
        using (key) return new HeldKey(key.Public.InfoHash(), secret.Handle);
    }
}
