// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"regexp"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/codes"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/shamir"
	"github.com/getsops/sops/v3/version"
)

// request is one line of the input. What an operation does not need is absent.
type request struct {
	Operation string `json:"op"`
	// Store is the format of Data; Output is that of the result, if it is another.
	Store  string `json:"store"`
	Output string `json:"output"`
	Data   []byte `json:"data"`
	Key    []byte `json:"key"`

	Selectors        selectors     `json:"selectors"`
	MACOnlyEncrypted bool          `json:"mac_only_encrypted"`
	Groups           [][]recipient `json:"groups"`
	Threshold        int           `json:"threshold"`
	Indent           *int          `json:"indent"`
	IgnoreMAC        bool          `json:"ignore_mac"`

	Pattern string   `json:"pattern"`
	Text    []byte   `json:"text"`
	Parts   [][]byte `json:"parts"`
	Count   int      `json:"count"`
}

type selectors struct {
	UnencryptedSuffix       string `json:"unencrypted_suffix"`
	EncryptedSuffix         string `json:"encrypted_suffix"`
	UnencryptedRegex        string `json:"unencrypted_regex"`
	EncryptedRegex          string `json:"encrypted_regex"`
	UnencryptedCommentRegex string `json:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string `json:"encrypted_comment_regex"`
}

// recipient is an age key as it stands in the metadata.
type recipient struct {
	Recipient string `json:"recipient"`
	Encrypted string `json:"enc"`
}

// load reads a plain file and writes it again.
func load(ask *request) (answer, error) {
	branches, err := input(ask).LoadPlainFile(ask.Data)
	if err != nil {
		return nil, common.NewExitError(err, codes.CouldNotReadInputFile)
	}
	return describe(ask, branches)
}

// encrypt does what the command of that name does after its data key is made.
func encrypt(ask *request) (answer, error) {
	branches, err := input(ask).LoadPlainFile(ask.Data)
	if err != nil {
		return nil, common.NewExitError(err, codes.CouldNotReadInputFile)
	}
	if err := encryptable(output(ask), branches); err != nil {
		return nil, err
	}
	reply, err := describe(ask, branches)
	if err != nil {
		// A tree that cannot be written in clear may still be encrypted.
		reply["plain_error"] = err.Error()
	}
	tree := sops.Tree{Branches: branches, Metadata: metadata(ask)}
	cipher := aes.NewCipher()
	if err := common.EncryptTree(common.EncryptTreeOpts{DataKey: ask.Key, Tree: &tree, Cipher: cipher}); err != nil {
		return reply, err
	}
	if reply["mac"], err = openMAC(&tree, ask.Key); err != nil {
		return reply, err
	}
	encrypted, err := output(ask).EmitEncryptedFile(tree)
	if err != nil {
		return reply, common.NewExitError(err, codes.ErrorDumpingTree)
	}
	reply["encrypted"] = encrypted
	return reply, nil
}

// decrypt does what the command of that name does after the data key is found.
func decrypt(ask *request) (answer, error) {
	tree, err := loadEncrypted(ask)
	if err != nil {
		return nil, err
	}
	tree.Metadata.DataKey = ask.Key
	options := common.DecryptTreeOpts{Tree: tree, Cipher: aes.NewCipher(), IgnoreMac: ask.IgnoreMAC}
	if _, err := common.DecryptTree(options); err != nil {
		return nil, err
	}
	reply, err := describe(ask, tree.Branches)
	if mac, wrong := openMAC(tree, ask.Key); wrong == nil {
		reply["mac"] = mac
	}
	return reply, err
}

// reformat writes an encrypted file again without opening it, as updatekeys does.
func reformat(ask *request) (answer, error) {
	tree, err := loadEncrypted(ask)
	if err != nil {
		return nil, err
	}
	reply := answer{"documents": documents(tree.Branches)}
	encrypted, err := output(ask).EmitEncryptedFile(*tree)
	if err != nil {
		return reply, common.NewExitError(err, codes.ErrorDumpingTree)
	}
	reply["encrypted"] = encrypted
	return reply, nil
}

func matchRegex(ask *request) (answer, error) {
	matched, err := regexp.Match(ask.Pattern, ask.Text)
	return answer{"matched": matched}, err
}

// split and combine are those of Shamir's scheme.
func split(ask *request) (answer, error) {
	parts, err := shamir.Split(ask.Key, ask.Count, ask.Threshold)
	return answer{"parts": parts}, err
}

func combine(ask *request) (answer, error) {
	key, err := shamir.Combine(ask.Parts)
	return answer{"key": key}, err
}

// encryptable refuses what the command refuses before it encrypts.
func encryptable(store common.Store, branches sops.TreeBranches) error {
	if len(branches) == 0 {
		return common.NewExitError("Empty file", codes.NeedAtLeastOneDocument)
	}
	if store.HasSopsTopLevelKey(branches[0]) {
		return common.NewExitError("File already encrypted", codes.FileAlreadyEncrypted)
	}
	return nil
}

func loadEncrypted(ask *request) (*sops.Tree, error) {
	tree, err := input(ask).LoadEncryptedFile(ask.Data)
	if err != nil {
		return nil, err
	}
	// The command looks for an old bug here, and refuses a file without a usable version on the way.
	if _, err := common.DetectKMSEncryptionContextBug(&tree); err != nil {
		return nil, err
	}
	return &tree, nil
}

// describe is the content of a tree and its plain file.
func describe(ask *request, branches sops.TreeBranches) (answer, error) {
	reply := answer{"documents": documents(branches)}
	plain, err := output(ask).EmitPlainFile(branches)
	if err != nil {
		return reply, common.NewExitError(err, codes.ErrorDumpingTree)
	}
	reply["plain"] = plain
	return reply, nil
}

// openMAC is the MAC in clear: that of the content, unless the file was changed.
func openMAC(tree *sops.Tree, key []byte) (string, error) {
	bound := tree.Metadata.LastModified.Format(time.RFC3339)
	mac, err := aes.NewCipher().Decrypt(tree.Metadata.MessageAuthenticationCode, key, bound)
	if err != nil {
		return "", err
	}
	text, isText := mac.(string)
	if !isText {
		return "", errors.New("the MAC is not a text")
	}
	return text, nil
}

func metadata(ask *request) sops.Metadata {
	groups := make([]sops.KeyGroup, len(ask.Groups))
	for i, recipients := range ask.Groups {
		for _, each := range recipients {
			groups[i] = append(groups[i], &age.MasterKey{Recipient: each.Recipient, EncryptedKey: each.Encrypted})
		}
	}
	chosen := ask.Selectors
	return sops.Metadata{
		KeyGroups:               groups,
		ShamirThreshold:         ask.Threshold,
		UnencryptedSuffix:       chosen.UnencryptedSuffix,
		EncryptedSuffix:         chosen.EncryptedSuffix,
		UnencryptedRegex:        chosen.UnencryptedRegex,
		EncryptedRegex:          chosen.EncryptedRegex,
		UnencryptedCommentRegex: chosen.UnencryptedCommentRegex,
		EncryptedCommentRegex:   chosen.EncryptedCommentRegex,
		MACOnlyEncrypted:        ask.MACOnlyEncrypted,
		Version:                 version.Version,
	}
}

func input(ask *request) common.Store { return store(ask, ask.Store) }

func output(ask *request) common.Store {
	if ask.Output != "" {
		return store(ask, ask.Output)
	}
	return store(ask, ask.Store)
}

func store(ask *request, name string) common.Store {
	settings := config.NewStoresConfig()
	if ask.Indent != nil {
		settings.YAML.Indent, settings.JSON.Indent, settings.JSONBinary.Indent = *ask.Indent, *ask.Indent, *ask.Indent
	}
	return common.StoreForFormat(formats.FormatFromString(name), settings)
}
