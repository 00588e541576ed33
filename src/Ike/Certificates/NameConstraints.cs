using System.Text;
using Gateway.Crypto.Der;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>What an authority's certificate says about the names below it (RFC 5280 §4.2.1.10).</summary>
internal sealed record NameConstraints(ValueList<NameConstraints.Subtree> Permitted, ValueList<NameConstraints.Subtree> Excluded)
{
    private const int Max = 256;

    /// <summary>A part of the names of one kind. For addresses the base is address and mask.</summary>
    internal sealed record Subtree(IdType Kind, Octets Base);

    /// <summary>Reads the extension; kinds of names that are never compared here make it unreadable, because it could not be enforced.</summary>
    public static bool TryRead(ReadOnlySpan<byte> extension, out NameConstraints constraints)
    {
        constraints = new NameConstraints([], []);
        var reader = new DerReader(extension);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !reader.AtEnd) return false;
        var (permitted, excluded) = (new List<Subtree>(), new List<Subtree>());
        if (!inner.TryReadOptional(DerTag.ContextConstructed(0), out _, out var content) || !TrySubtrees(new DerReader(content), permitted)) return false;
        if (!inner.TryReadOptional(DerTag.ContextConstructed(1), out _, out content) || !TrySubtrees(new DerReader(content), excluded)) return false;
        constraints = new NameConstraints(permitted.ToValueList(), excluded.ToValueList());
        return inner.AtEnd;
    }

    /// <summary>The first name that they do not allow, or null.</summary>
    public Identity? Violation(IEnumerable<Identity> names)
    {
        foreach (var name in names)
        {
            if (Excluded.Any(s => IsWithin(s, name))) return name;
            var ofKind = Permitted.Where(s => Same(s.Kind, name.Kind)).ToList();
            if (ofKind.Count > 0 && !ofKind.Exists(s => IsWithin(s, name))) return name;
        }

        return null;
    }

    private static bool TrySubtrees(DerReader reader, List<Subtree> subtrees)
    {
        while (!reader.AtEnd)
        {
            // RFC 5280 §4.2.1.10: minimum is zero, so left out, and maximum absent.
            if (subtrees.Count >= Max || !reader.TryReadInto(DerTag.Sequence, out var subtree) || !subtree.TryReadAny(out var tag, out var content, out _) || !subtree.AtEnd) return false;
            IdType? kind = tag switch
            {
                0x81 => IdType.Rfc822Address,
                0x82 => IdType.Fqdn,
                0xa4 when DistinguishedName.IsValid(content) => IdType.DerAsn1Dn,
                0x87 when content.Length == 8 => IdType.Ipv4Address,
                0x87 when content.Length == 32 => IdType.Ipv6Address,
                // Names of these kinds are never an identity of IKE.
                0x86 or 0xa0 or 0xa3 or 0xa5 or 0x88 => IdType.Null,
                _ => null,
            };
            if (kind is null) return false;
            if (kind != IdType.Null) subtrees.Add(new Subtree(kind.Value, new Octets(content)));
        }

        return true;
    }

    private static bool Same(IdType a, IdType b) => a == b || (a is IdType.Ipv4Address or IdType.Ipv6Address && b is IdType.Ipv4Address or IdType.Ipv6Address);

    private static bool IsWithin(Subtree subtree, Identity name)
    {
        if (subtree.Kind != name.Kind) return false;
        switch (subtree.Kind)
        {
            case IdType.DerAsn1Dn:
                return DistinguishedName.IsWithin(subtree.Base.Span, name.Data.Span);
            case IdType.Fqdn:
                return IsDomainWithin(Text(subtree.Base), Text(name.Data));
            case IdType.Rfc822Address:
                var (root, mail) = (Text(subtree.Base), Text(name.Data));
                var domain = mail[(mail.LastIndexOf('@') + 1)..];
                // RFC 5280 §4.2.1.10: a mailbox, the mailboxes of a host, or with a leading period those of a domain.
                return root.Contains('@', StringComparison.Ordinal) ? root.Equals(mail, StringComparison.OrdinalIgnoreCase)
                    : root.StartsWith('.') ? domain.EndsWith(root, StringComparison.OrdinalIgnoreCase)
                    : domain.Equals(root, StringComparison.OrdinalIgnoreCase);
            default:
                var address = name.Data.Span;
                var size = address.Length;
                for (var i = 0; i < size; i++)
                    if (((address[i] ^ subtree.Base.Span[i]) & subtree.Base.Span[size + i]) != 0) return false;
                return true;
        }
    }

    // RFC 5280 §4.2.1.10: host.example.com lies within example.com; a leading period is taken as strongSwan and others do.
    private static bool IsDomainWithin(string root, string name) =>
        root.Length == 0 || name.Equals(root, StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(root.StartsWith('.') ? root : "." + root, StringComparison.OrdinalIgnoreCase);

    private static string Text(Octets octets) => Encoding.UTF8.GetString(octets.Span);
}
