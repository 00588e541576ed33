using Gateway.Crypto.Signatures;
using Gateway.Host.Control;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>A secret is in force when the vault holds its value; a shredded one must be given again.</summary>
internal sealed class SecretDescriptor(ISecretVault vault) : IDescriptor
{
    public string Kind => ItemCatalog.Secret;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) =>
        new(Judge((SecretSpec)item.Spec));

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());

    private StepResult Judge(SecretSpec secret)
    {
        using var value = vault.Open(secret.Handle);
        if (value is null) return new StepResult.Pending("secret needed");
        switch (secret.Type)
        {
            case SecretType.Private when !PrivateKey.TryParse(value.Span, out var key):
                return new StepResult.Failed("The value is no private key of RSA, ECDSA, Ed25519 or Ed448, or it is encrypted.");
            case SecretType.Private when PrivateKey.TryParse(value.Span, out var key):
                key.Dispose();
                return new StepResult.Done();
            case SecretType.Ntlm when value.Length != 16:
                return new StepResult.Failed("A hash of MD4 has 16 octets.");
            default:
                return new StepResult.Done();
        }
    }
}
