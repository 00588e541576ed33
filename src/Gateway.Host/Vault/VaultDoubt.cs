namespace Gateway.Host.Vault;

/// <summary>
/// Why the SAs of a vault must not go on: then some of their sequence numbers may have been used already, and no key may see a number twice.
/// The number is part of the file's format.
/// </summary>
public enum VaultDoubt : uint
{
    None = 0,

    /// <summary>The machine was started anew since: pages of the file that were not on the disk are lost, and the boot clock began again.</summary>
    OtherBoot = 1,

    /// <summary>It is a copy: not the file that it was.</summary>
    Copied = 2,

    /// <summary>Somebody wrote to the file after its gateway had ended.</summary>
    Touched = 3,

    /// <summary>Its gateway was away for too long.</summary>
    AwayTooLong = 4,

    /// <summary>The journal's head is none of the two that the vault knows: the vault is older, or the journal is another one or was written by others.</summary>
    OtherJournal = 5,
}

/// <summary>Words and sentences for doubts.</summary>
public static class VaultDoubts
{
    /// <summary>Stable word, as <c>SaLost</c> says it.</summary>
    public static string Word(this VaultDoubt doubt) => doubt switch
    {
        VaultDoubt.OtherBoot => "other-boot",
        VaultDoubt.Copied => "vault-copied",
        VaultDoubt.Touched => "vault-touched",
        VaultDoubt.AwayTooLong => "away-too-long",
        VaultDoubt.OtherJournal => "vault-and-journal-differ",
        _ => "none",
    };

    public static string Sentence(this VaultDoubt doubt) => doubt switch
    {
        VaultDoubt.OtherBoot => "the machine was started anew",
        VaultDoubt.Copied => "the vault is a copy of the one that was in use",
        VaultDoubt.Touched => "the vault was written to after the gateway had ended",
        VaultDoubt.AwayTooLong => "the gateway was away for too long",
        VaultDoubt.OtherJournal => "the vault and the journal do not belong together: one of them is older, or another's",
        _ => "",
    };
}
