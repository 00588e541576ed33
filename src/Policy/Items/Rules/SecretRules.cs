using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of secrets; the value was taken out before (see <see cref="Reading.SecretReading"/>).</summary>
internal sealed class SecretRules : ItemRules<SecretSpec>
{
    private const int MaxIds = 64;

    protected override void Check(string name, SecretSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Ids.Count > MaxIds) at["ids"].Add(ErrorCode.TooMany, $"A secret has at most {MaxIds} identities.");
        for (var i = 0; i < spec.Ids.Count; i++)
            if (!Names.IsPrintable(spec.Ids[i], ConnectionRules.MaxIdentity)) at["ids"][i].Add(ErrorCode.InvalidValue, $"An identity has 1–{ConnectionRules.MaxIdentity} printable characters.");
        if (spec.Ids.Distinct(StringComparer.Ordinal).Count() != spec.Ids.Count) at["ids"].Add(ErrorCode.Conflict, "An identity stands twice.");
    }
}
